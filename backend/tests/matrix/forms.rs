//! What is uploaded.

use reqwest::multipart::{Form, Part};

use crate::test_app::{archive, empty_bundle};

pub fn archive_form(kb: &str) -> Form {
    let bytes = archive(&[("b.md", b"# B\n\nSomething new.\n")]);
    form(kb, bytes, "new.tar.gz")
}

pub fn file_form(kb: &str) -> Form {
    form(kb, b"# B\n\nSomething new.\n".to_vec(), "b.md")
}

pub fn import_form(name: String) -> Form {
    let bytes = empty_bundle("elsewhere");
    Form::new()
        .text("name", name)
        .part("file", Part::bytes(bytes).file_name("elsewhere.kb.jsonl.zst"))
}

fn form(kb: &str, bytes: Vec<u8>, name: &str) -> Form {
    Form::new()
        .text("knowledge_base", kb.to_owned())
        .part("file", Part::bytes(bytes).file_name(name.to_owned()))
}
