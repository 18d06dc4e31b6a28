//! Reading evaluation sets.

use std::fs;

use nexus_rag::beir::{BeirSet, CorpusDocument};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

#[test]
fn a_set_is_read_as_it_lies_in_its_folder() {
    let folder = folder(&[
        (
            "corpus.jsonl",
            "\u{FEFF}{\"_id\":\"d1\",\"title\":\"T\",\"text\":\"one\"}\n\n{\"_id\":\"d2\",\"text\":\"два\",\"metadata\":{}}\n",
        ),
        ("queries.jsonl", "{\"_id\":\"q1\",\"text\":\"which?\"}"),
        (
            "qrels.tsv",
            "query-id\tcorpus-id\tscore\nq1\td1\t2\r\nq1\td2\t0\n",
        ),
    ]);
    let set = BeirSet::new(folder.path());
    let corpus: Vec<_> = set.corpus().unwrap().collect::<Result<_, _>>().unwrap();
    let second = CorpusDocument {
        id: "d2".to_owned(),
        title: String::new(),
        text: "два".to_owned(),
    };
    assert_eq!(
        (corpus.len(), corpus[0].title.as_str(), &corpus[1]),
        (2, "T", &second)
    );
    assert_eq!(set.queries().unwrap().next().unwrap().unwrap().text, "which?");
    let qrels = set.qrels().unwrap();
    assert_eq!((qrels["q1"]["d1"], qrels["q1"]["d2"]), (2, 0));
}

#[test]
fn judgements_may_lie_in_a_folder_of_their_own() {
    let folder = folder(&[("qrels/test.tsv", "q1\td1\t1\n")]);
    assert_eq!(BeirSet::new(folder.path()).qrels().unwrap()["q1"]["d1"], 1);
}

#[test]
fn an_error_names_its_file_and_line() {
    let folder = folder(&[
        (
            "corpus.jsonl",
            "{\"_id\":\"d1\",\"text\":\"one\"}\nnot json\n{\"_id\":\"d3\",\"text\":\"three\"}\n",
        ),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\tmany\n"),
    ]);
    let set = BeirSet::new(folder.path());
    let mut corpus = set.corpus().unwrap();
    assert!(corpus.next().unwrap().is_ok());
    let error = corpus.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("corpus.jsonl:2"), "{error}");
    assert!(corpus.next().is_none(), "nothing is read behind an error");
    let error = set.qrels().unwrap_err().to_string();
    assert!(error.contains("qrels.tsv:2") && error.contains("many"), "{error}");
    assert!(set.queries().unwrap_err().to_string().contains("queries.jsonl"));
}
