//! Questions and passages share one machine.

use nexus_domain::Embedder;

use crate::support::embedder;

#[tokio::test]
async fn a_question_is_answered_while_an_ingestion_runs() {
    let Some(embedder) = embedder() else { return };
    let passages = vec!["A passage that takes the model a while, because it is long. ".repeat(12); 16];
    let ingestion = tokio::spawn(embedder.embed_passages(passages));
    for _ in 0..3 {
        embedder.embed_query("Does this wait?".to_owned()).await.unwrap();
    }
    assert!(
        !ingestion.is_finished(),
        "three questions took longer than 16 passages"
    );
    assert_eq!(ingestion.await.unwrap().unwrap().len(), 16);
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_hold_up_the_next() {
    let Some(embedder) = embedder() else { return };
    let passages = vec!["A passage that nobody waits for. ".repeat(30); 4_000];
    let given_up = tokio::spawn(embedder.embed_passages(passages));
    embedder.embed_query("Let it begin.".to_owned()).await.unwrap();
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    assert_eq!(
        embedder
            .embed_passages(vec!["wanted".to_owned()])
            .await
            .unwrap()
            .len(),
        1
    );
}
