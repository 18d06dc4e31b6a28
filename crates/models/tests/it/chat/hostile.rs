//! Servers that send what nobody should.

use nexus_domain::ChatError;
use nexus_models::chat_stand_in::Play;

use super::{ask, options, read, set_up};

fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let long_line = format!("data: {}", "x".repeat(300 * 1024)).into_bytes();
    let endless = "data: {}\n\n".repeat(900_000).into_bytes();
    let nested = format!("data: {}\n\n", "[".repeat(100_000)).into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("broken JSON", b"data: {\"choices\": [{\n\n".to_vec()),
        ("JSON of another shape", b"data: {\"choices\": 7}\n\n".to_vec()),
        ("no JSON", b"data: hello\n\n".to_vec()),
        ("JSON that nests without end", nested),
        ("bytes that are no text", b"data: \xff\xfe\xfd\n\n".to_vec()),
        ("a page", b"<html><body>Welcome</body></html>".to_vec()),
        (
            "an answer that is not streamed",
            b"{\"choices\": [{\"message\": {\"content\": \"hi\"}}]}".to_vec(),
        ),
        (
            "an error in the stream",
            b"data: {\"error\": {\"message\": \"overloaded\"}}\n\n".to_vec(),
        ),
        (
            "an end without a word",
            b"data: {\"choices\": []}\n\ndata: [DONE]\n\n".to_vec(),
        ),
        ("a line without end", long_line),
        ("events without end", endless),
    ]
}

#[tokio::test]
async fn nonsense_instead_of_an_answer_is_an_error() {
    for (what, bytes) in nonsense() {
        let (_server, model) = set_up(vec![Play::Sends(bytes)], options()).await;
        let error = ask(&model).await.expect_err(what);
        assert!(matches!(error, ChatError::Unavailable(_)), "{what}: {error}");
        assert!(error.to_string().len() < 100, "{what}: {error}");
    }
}

#[tokio::test]
async fn nonsense_after_the_first_word_ends_the_answer_with_an_error() {
    for (what, bytes) in nonsense() {
        let sent = [Play::delta("Hold ").as_bytes(), &bytes].concat();
        let (_server, model) = set_up(vec![Play::Sends(sent)], options()).await;
        let (text, end) = read(ask(&model).await.unwrap()).await;
        assert_eq!(text, "Hold ", "{what}");
        assert!(matches!(end, Err(ChatError::Unavailable(_))), "{what}: {end:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_off() {
    let sent = Play::delta(&"word ".repeat(1_000)).repeat(100).into_bytes();
    let (_server, model) = set_up(vec![Play::Sends(sent)], options()).await;
    let (text, end) = read(ask(&model).await.unwrap()).await;
    assert!(text.len() <= 256 * 1024);
    assert_eq!(
        end,
        Err(ChatError::Unavailable("its answer is too long".to_owned()))
    );
}

#[tokio::test]
async fn nonsense_after_the_end_spoils_nothing() {
    let finish = "data: {\"choices\": [{\"delta\": {}, \"finish_reason\": \"stop\"}]}\n\n";
    let sent = [&Play::delta("yes"), finish, "data: {oops\n\n"]
        .concat()
        .into_bytes();
    let (_server, model) = set_up(vec![Play::Sends(sent)], options()).await;
    let (text, end) = read(ask(&model).await.unwrap()).await;
    assert_eq!((text.as_str(), end.is_ok()), ("yes", true));
}
