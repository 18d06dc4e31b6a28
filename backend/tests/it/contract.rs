//! The contract on paper is the contract in the code.

use nexus_domain::ProblemCode;

use crate::test_app::TestApp;

#[test]
fn the_stored_openapi_description_is_up_to_date() {
    let config = nexus_backend::config::Config::from_layers(None, &Default::default()).unwrap();
    let generated = nexus_backend::http::openapi(&config).to_pretty_json().unwrap();
    // Read as it is now: a change of it compiles nothing again.
    let stored =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json")).unwrap();
    assert!(
        stored.trim_end() == generated,
        "docs/openapi.json is not what the code says: run `make openapi`"
    );
}

#[test]
fn codes_of_the_domain_and_of_the_wire_have_the_same_names() {
    for code in ProblemCode::ALL {
        let wire: nexus_api::ProblemCode = serde_json::from_value(code.as_str().into()).unwrap();
        assert_eq!(serde_json::to_value(wire).unwrap(), code.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_docs_are_browsable_without_the_network() {
    let app = TestApp::start().await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let page = http
        .get(format!("{}/docs/", app.client.base()))
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("swagger") && !page.contains("https://"), "{page}");
    let script = http
        .get(format!("{}/docs/swagger-ui-bundle.js", app.client.base()))
        .send()
        .await
        .unwrap();
    assert!(script.status().is_success());
    app.end().await;
}
