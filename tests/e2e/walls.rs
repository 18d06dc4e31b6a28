//! The walls of the house: who may depend on whom, read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Our packages and the ones of ours that each may depend on. Development dependencies do not count, nor do optional ones:
/// they belong to the `testing` features.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("nexus-domain", &[]),
    ("nexus-api", &[]),
    ("nexus-auth", &[]),
    ("nexus-net", &[]),
    ("nexus-client", &["nexus-api", "nexus-net"]),
    ("nexus-telemetry", &["nexus-net"]),
    ("nexus-text", &["nexus-domain"]),
    ("nexus-storage", &["nexus-domain"]),
    ("nexus-vectors", &["nexus-domain"]),
    ("nexus-models", &["nexus-domain", "nexus-net"]),
    ("nexus-ingest", &["nexus-domain"]),
    ("nexus-sources", &["nexus-domain", "nexus-ingest"]),
    ("nexus-rag", &["nexus-domain", "nexus-text"]),
    (
        "nexus-bot",
        &["nexus-api", "nexus-client", "nexus-net", "nexus-telemetry"],
    ),
    (
        "nexus-backend",
        &[
            "nexus-api",
            "nexus-auth",
            "nexus-client",
            "nexus-domain",
            "nexus-ingest",
            "nexus-models",
            "nexus-net",
            "nexus-rag",
            "nexus-sources",
            "nexus-storage",
            "nexus-telemetry",
            "nexus-text",
            "nexus-vectors",
        ],
    ),
    ("telegram-simulator", &["nexus-bot"]),
    ("nexus-fuzz", &["nexus-ingest", "nexus-text"]),
    ("nexus-lies", &["nexus-rag", "nexus-text"]),
    ("e2e", &["nexus-api", "nexus-client"]),
];

/// Packages that only some of ours may name.
const FENCED: &[(&str, &[&str])] = &[
    ("sqlx", &["nexus-storage"]),
    ("qdrant-edge", &["nexus-vectors"]),
    ("qdrant-client", &["nexus-vectors"]),
    ("fastembed", &["nexus-models"]),
    ("async-openai", &["nexus-models"]),
    ("ort", &["nexus-models"]),
    ("zip", &["nexus-ingest"]),
    ("git2", &["nexus-sources"]),
    ("teloxide", &["nexus-bot"]),
    ("teloxide-core", &["nexus-bot"]),
    // The bot takes webhooks.
    ("axum", &["nexus-backend", "nexus-bot"]),
    ("object_store", &["nexus-backend"]),
    ("redis", &["nexus-backend"]),
    ("opentelemetry", &["nexus-telemetry"]),
    ("opentelemetry-otlp", &["nexus-telemetry"]),
    ("tracing-opentelemetry", &["nexus-telemetry"]),
];

/// What a `testing` feature may bring along although it is fenced: always optional, never in a shipped binary.
const FOR_TESTS: &[(&str, &str)] = &[("nexus-models", "axum"), ("nexus-telemetry", "axum")];

/// Packages that are for tests as a whole; no fence is around them, and none of ours that ships may import them.
const TEST_PACKAGES: &[&str] = &["telegram-simulator", "nexus-fuzz", "nexus-lies"];

fn is_for_tests(package: &Value, dependency: &Value) -> bool {
    let names = (package["name"].as_str(), dependency["name"].as_str());
    let listed = FOR_TESTS
        .iter()
        .any(|(package, dependency)| names == (Some(package), Some(dependency)));
    listed && dependency["optional"] == true
}

fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(e2e::root())
        .output()
        .expect("cargo runs these tests, so it can be run");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("a workspace has packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"]
                .as_array()
                .expect("a package lists dependencies");
            let names = dependencies
                .iter()
                .filter(|dependency| dependency["kind"] != "dev" && !is_for_tests(package, dependency))
                .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
                .collect();
            (
                package["name"].as_str().expect("a package has a name").to_owned(),
                names,
            )
        })
        .collect()
}

#[test]
fn packages_import_only_what_the_design_allows() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let imports = imports();
    for (package, dependencies) in &imports {
        let allowed = allowed
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} has no place in the house"));
        for ours in dependencies.iter().filter(|name| imports.contains_key(*name)) {
            assert!(
                allowed.contains(&ours.as_str()),
                "{package} must not import {ours}"
            );
        }
    }
}

#[test]
fn heavy_dependencies_stay_behind_their_fence() {
    for (package, dependencies) in imports() {
        for (fenced, owners) in FENCED {
            assert!(
                !dependencies.contains(*fenced)
                    || owners.contains(&package.as_str())
                    || TEST_PACKAGES.contains(&package.as_str()),
                "only {owners:?} may use {fenced}, not {package}"
            );
        }
    }
}

#[test]
fn services_know_neither_http_nor_the_wire_and_only_http_and_the_root_name_axum() {
    let source = e2e::root().join("backend/src");
    let mut files = vec![source.clone()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                path.read_dir()
                    .expect("a folder can be listed")
                    .map(|entry| entry.expect("it exists").path()),
            );
            continue;
        }
        let place = path
            .strip_prefix(&source)
            .expect("it lies in the source")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let text = code.collect::<Vec<_>>().join("\n");
        if place.starts_with("service/") || place.starts_with("worker/") {
            for word in ["axum", "nexus_api", "crate::http"] {
                assert!(!text.contains(word), "{place} names {word}");
            }
        }
        if place.starts_with("http/") {
            assert!(!text.contains(".begin()"), "{place} opens a transaction");
            assert!(!text.contains("nexus_storage"), "{place} names the storage");
        }
        if text.contains("axum::") && !place.starts_with("http/") {
            assert!(
                ["serve.rs", "state.rs"].contains(&place.as_str()),
                "{place} names axum"
            );
        }
    }
}
