//! The download of the default model, from a hub that lives in this process.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use nexus_models::{DEFAULT_MODEL, ModelError, discover, download_default};

/// What every file of the simulated hub holds.
const CONTENT: &[u8] = b"{\"a\": \"file\"}";

/// Serves `CONTENT` for every path except those that end in `missing`, one request per connection, as long as the
/// test runs; returns the address.
fn hub(missing: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&stream.unwrap(), missing);
        }
    });
    address
}

fn answer(mut stream: &TcpStream, missing: &str) {
    let mut head = Vec::new();
    for line in BufReader::new(stream).lines() {
        match line {
            Ok(line) if !line.is_empty() => head.push(line),
            _ => break,
        }
    }
    let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else {
        return;
    };
    if !missing.is_empty() && path.ends_with(missing) {
        write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        return;
    }
    // The client first asks for one byte, to learn size, commit and hash; then for all.
    let probe = head.iter().any(|line| line.to_lowercase() == "range: bytes=0-0");
    let body = if probe { &CONTENT[..1] } else { CONTENT };
    let (etag, end, size) = (path.replace('/', "_"), body.len() - 1, CONTENT.len());
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes 0-{end}/{size}\r\n\
         ETag: \"{etag}\"\r\nX-Repo-Commit: 0123abc\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(body).unwrap();
}

#[test]
fn the_default_model_arrives_whole_with_progress_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let hub = hub("");
    let mut seen = Vec::new();
    download_default(dir.path(), Some(&hub), |at| {
        seen.push((at.file.to_owned(), at.bytes, at.total));
    })
    .unwrap();
    assert!(
        seen.contains(&("onnx/model.onnx".to_owned(), CONTENT.len(), CONTENT.len())),
        "{seen:?}"
    );
    let model = discover(dir.path()).unwrap().unwrap();
    assert_eq!(model.profile.name, DEFAULT_MODEL);
    assert_eq!(std::fs::read(model.folder.join("model.onnx")).unwrap(), CONTENT);
    let left: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [DEFAULT_MODEL]);
    download_default(dir.path(), Some(&hub), |at| panic!("downloads {} again", at.file)).unwrap();
}

#[test]
fn a_download_that_breaks_off_leaves_no_model_and_is_taken_up_again() {
    let dir = tempfile::tempdir().unwrap();
    let error = download_default(dir.path(), Some(&hub("model.onnx")), |_| {}).unwrap_err();
    assert!(matches!(error, ModelError::Download(_)), "{error}");
    assert_eq!(discover(dir.path()).unwrap(), None);
    let mut files = Vec::new();
    download_default(dir.path(), Some(&hub("")), |at| files.push(at.file.to_owned())).unwrap();
    assert!(files.iter().all(|file| file == "onnx/model.onnx"), "{files:?}");
}
