//! Answers that come, whole or not.

use nexus_domain::{ChatError, ChatFinish, ChatModel as _, ChatUsage};
use nexus_models::chat::{ChatEndpoint, OpenAiChat};
use nexus_models::chat_stand_in::{ChatStandIn, Play};

use super::{SHORT, ask, options, persistent, read, request, set_up, words};

#[tokio::test]
async fn an_answer_comes_word_by_word_with_what_it_cost() {
    let (server, model) = set_up(vec![Play::Says(words(&["Hold ", "it", " [1]."]))], options()).await;
    let reply = ask(&model).await.unwrap();
    assert_eq!(reply.model, "writer");
    let (text, end) = read(reply).await;
    let end = end.unwrap();
    assert_eq!((text.as_str(), end.finish), ("Hold it [1].", ChatFinish::Stop));
    let usage = ChatUsage {
        prompt_tokens: 100,
        completion_tokens: 10,
    };
    assert_eq!(end.usage, Some(usage));

    let asked = &server.asked()[0];
    assert_eq!(asked.authorization.as_deref(), Some("Bearer a-key"));
    let body = &asked.body;
    assert_eq!(
        (&body["model"], &body["stream"]),
        (&"writer".into(), &true.into())
    );
    assert_eq!(
        (&body["max_tokens"], &body["temperature"]),
        (&64.into(), &0.5.into())
    );
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["messages"][1]["content"], "question");
}

#[tokio::test]
async fn without_a_key_and_a_temperature_neither_is_sent() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = ChatStandIn::start([Play::says("yes")]).await;
    let endpoint = ChatEndpoint {
        base: server.url().parse().unwrap(),
        key: String::new().into(),
        model: "writer".to_owned(),
    };
    let model = OpenAiChat::new(&endpoint, options()).unwrap();
    let mut request = request();
    request.temperature = None;
    read(model.chat(request).await.unwrap()).await.1.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(asked.authorization, None);
    assert!(asked.body.get("temperature").is_none());
}

#[tokio::test]
async fn the_limit_of_tokens_is_told() {
    let (_server, model) = set_up(vec![Play::RunsOut(words(&["Hold it for"]))], options()).await;
    let (_, end) = read(ask(&model).await.unwrap()).await;
    assert_eq!(end.unwrap().finish, ChatFinish::Length);
}

#[tokio::test]
async fn silence_before_the_first_word_is_waited_for_only_so_long() {
    let mut options = options();
    options.times.first_token = SHORT;
    let (server, model) = set_up(vec![Play::Stalls(vec![])], options).await;
    assert!(matches!(ask(&model).await.unwrap_err(), ChatError::TimedOut(_)));
    server.hung_up().await;
}

#[tokio::test]
async fn silence_in_the_middle_ends_the_answer_and_is_not_tried_again() {
    let mut options = persistent();
    options.times.between_tokens = SHORT;
    let (server, model) = set_up(vec![Play::Stalls(words(&["Hold "]))], options).await;
    let (text, end) = read(ask(&model).await.unwrap()).await;
    assert_eq!(text, "Hold ");
    assert!(matches!(end.unwrap_err(), ChatError::TimedOut(_)));
    assert_eq!(server.calls(), 1);
    server.hung_up().await;
}

#[tokio::test]
async fn the_whole_answer_has_its_time_too() {
    let mut options = options();
    options.times.total = SHORT * 3;
    let (_server, model) = set_up(vec![Play::Stalls(words(&["Hold "]))], options).await;
    match ask(&model).await {
        Ok(reply) => assert!(matches!(read(reply).await.1, Err(ChatError::TimedOut(_)))),
        // On a machine so busy that the time was over before the first word.
        Err(error) => assert!(matches!(error, ChatError::TimedOut(_)), "{error}"),
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_from_one_that_ends() {
    let broken = [
        Play::BreaksOff(words(&["Hold ", "it"])),
        Play::EndsEarly(words(&["Hold ", "it"])),
    ];
    for play in broken {
        let (server, model) = set_up(vec![play.clone()], persistent()).await;
        let (text, end) = read(ask(&model).await.unwrap()).await;
        assert!("Hold it".starts_with(&text), "{text}");
        assert!(matches!(end, Err(ChatError::Unavailable(_))), "{play:?}: {end:?}");
        assert_eq!(server.calls(), 1, "text was handed on");
    }
}

#[tokio::test]
async fn whoever_drops_an_answer_hangs_up() {
    let (server, model) = set_up(vec![Play::Stalls(words(&["Hold "]))], options()).await;
    drop(ask(&model).await.unwrap());
    server.hung_up().await;
}
