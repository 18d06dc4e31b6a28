//! Questions, answers and what they cite.

use nexus_api::{
    AnswerLanguage, ErrorCode, QueryRequest, RerankStatus, RetrievalMode, SearchRequest, SideStatus,
};
use nexus_domain::testing::FakeReranker;

use crate::test_app::{KB, Setup, TestApp};

const GUIDE: &str = "# Шлюз\n\nВводная страница.\n\n## Прошивка\n\nПрошивка обновляется командой `gateway_update` раз в \
    месяц.\n\n## Сброс\n\nКнопка сброса находится на задней стенке.\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_quotes_the_document_exactly_and_links_to_its_lines() {
    let app = TestApp::start().await;
    app.ingest(&[("ru/шлюз.md", GUIDE.as_bytes())]).await;
    let answer = app.ask("Какой командой обновить прошивку?").await;
    assert!(answer.found);
    assert_eq!(answer.language, AnswerLanguage::Ru);
    assert!(answer.text.contains("[1]"));
    let citation = &answer.citations[0];
    assert!(GUIDE.contains(&citation.quote), "{:?}", citation.quote);
    assert!(citation.quote.contains("gateway_update"));
    assert_eq!(
        citation.passage.heading_path.first().map(String::as_str),
        Some("Шлюз")
    );
    assert_eq!(citation.passage.document_path, "ru/шлюз.md");

    // The link gives the lines that the citation names.
    let lines: Vec<&str> = GUIDE.lines().collect();
    let range = citation.quote_lines;
    let named = lines[range.first as usize - 1..range.last as usize].join("\n");
    let linked = get(&app, &citation.link).await;
    assert_eq!(linked.trim_end(), named);
    assert!(named.contains(citation.quote.lines().next().unwrap()));
    app.end().await;
}

async fn get(app: &TestApp, link: &str) -> String {
    let url = format!("{}{link}", app.client.base());
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let response = http
        .get(url)
        .bearer_auth(crate::test_app::KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_a_document_is_given_as_it_was_sent() {
    let app = TestApp::start().await;
    app.ingest(&[("guide.md", GUIDE.as_bytes())]).await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    let document = &app.client.documents(kb.id, None).await.unwrap().items[0];
    assert_eq!(app.client.document_text(document.id).await.unwrap(), GUIDE);
    app.end().await;
}

/// The shorter passage is the better one, for whoever takes it at its word.
const BREVITY: nexus_domain::testing::Scoring = |_, passage| -(passage.len() as f32);

const PUMPS: [(&str, &[u8]); 2] = [
    (
        "long.md",
        b"# Pump\n\nThe pump is started with the lever of the pump, which is on the pump's left side.\n",
    ),
    ("short.md", b"# Lever\n\nA lever starts it.\n"),
];

async fn search(app: &TestApp) -> (Vec<String>, nexus_api::RerankReport, Vec<Option<f32>>) {
    let request = SearchRequest {
        query: "lever of the pump".to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode: RetrievalMode::Hybrid,
        limit: 10,
        distinct_documents: false,
    };
    let found = app.client.search(&request).await.unwrap();
    let paths = found
        .passages
        .iter()
        .map(|passage| passage.document_path.clone())
        .collect();
    let scores = found
        .passages
        .iter()
        .map(|passage| passage.rerank_score)
        .collect();
    (paths, found.retrieval.rerank, scores)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reranker_has_the_last_word_and_says_so() {
    let app = TestApp::with(Setup {
        reranker: Some(FakeReranker::scoring(BREVITY)),
        ..Setup::default()
    })
    .await;
    app.ingest(&PUMPS).await;
    let (paths, report, scores) = search(&app).await;
    assert_eq!(paths, ["short.md", "long.md"]);
    assert_eq!((report.status, report.candidates), (RerankStatus::Ran, 2));
    assert!(scores.iter().all(Option::is_some));
    let answer = app.ask("How is the pump started?").await;
    assert_eq!(answer.retrieval.rerank.status, RerankStatus::Ran);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_reranker_or_with_a_broken_or_slow_one_the_fused_order_stands() {
    for (reranker, status) in [
        (None, RerankStatus::NotConfigured),
        (Some(FakeReranker::failing()), RerankStatus::Failed),
        (Some(FakeReranker::hanging()), RerankStatus::TimedOut),
    ] {
        let app = TestApp::with(Setup {
            reranker,
            settings: vec![("NEXUS_MODELS_RERANK_MILLISECONDS", "20".to_owned())],
            ..Setup::default()
        })
        .await;
        app.ingest(&PUMPS).await;
        let (paths, report, scores) = search(&app).await;
        assert_eq!(paths, ["long.md", "short.md"], "{status:?}");
        assert_eq!(
            (report.status, report.reason.is_some()),
            (status, status == RerankStatus::Failed)
        );
        assert_eq!(scores, [None, None]);
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_know_the_script_is_not_listened_to() {
    let app = TestApp::start().await;
    app.ingest(&[("guide.md", GUIDE.as_bytes())]).await;
    let request = |query: &str, mode| SearchRequest {
        query: query.to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode,
        limit: 5,
        distinct_documents: false,
    };
    let russian = app
        .client
        .search(&request("прошивка", RetrievalMode::Hybrid))
        .await
        .unwrap()
        .retrieval;
    assert_eq!(
        (russian.lexical.status, russian.dense.status),
        (SideStatus::Ran, SideStatus::ScriptUnknown)
    );
    let english = app
        .client
        .search(&request("gateway_update", RetrievalMode::Hybrid))
        .await
        .unwrap()
        .retrieval;
    assert_eq!(english.dense.status, SideStatus::Ran);
    assert_eq!(english.model.as_deref(), Some("fake-1"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_is_said_in_the_language_of_the_question() {
    let app = TestApp::start().await;
    app.ingest(&[("guide.md", GUIDE.as_bytes())]).await;
    let answer = app.ask("Кто выиграл чемпионат мира по хоккею?").await;
    assert!(!answer.found && answer.citations.is_empty());
    assert_eq!(answer.language, AnswerLanguage::Ru);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_cannot_be_asked_are_refused_with_a_code() {
    let app = TestApp::with(Setup {
        lexical_only: true,
        ..Setup::default()
    })
    .await;
    let ask = async |question: String, knowledge_bases: Vec<String>, mode| {
        let request = QueryRequest {
            question,
            knowledge_bases,
            mode,
            history: Vec::new(),
        };
        app.client.ask_question(&request).await.unwrap_err().code()
    };
    let hybrid = RetrievalMode::Hybrid;
    assert_eq!(
        ask("  ".to_owned(), vec![], hybrid).await,
        Some(ErrorCode::ValidationFailed)
    );
    assert_eq!(
        ask("x".repeat(4_001), vec![], hybrid).await,
        Some(ErrorCode::ValidationFailed)
    );
    assert_eq!(
        ask("x".to_owned(), vec!["nowhere".to_owned()], hybrid).await,
        Some(ErrorCode::NotFound)
    );
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    assert_eq!(
        ask("x".to_owned(), vec![], RetrievalMode::Dense).await,
        Some(ErrorCode::NoEmbedder)
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_questions_are_answered_without_a_failure() {
    let app = TestApp::start().await;
    app.ingest(&[("guide.md", GUIDE.as_bytes())]).await;
    for question in [
        "???",
        "🤷",
        "a\0b",
        "ﷺ ﷺ",
        "' OR 1=1 --",
        "{\"x\":1}",
        &"z\u{0301}".repeat(1_500),
        "E-1042",
    ] {
        let answer = app.ask(question).await;
        assert!(!answer.text.is_empty(), "{question:?}");
    }
    app.end().await;
}
