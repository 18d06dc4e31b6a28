//! Notebooks.

use nexus_domain::Format;

use crate::support::extract;

#[test]
fn a_notebook_is_prose_and_code() {
    let notebook = r##"{"cells":[{"cell_type":"markdown","source":["# Анализ\n","Шаг 1."]},
        {"cell_type":"code","source":"print(1)","outputs":[{"output_type":"stream","text":["1\n"]},
        {"data":{"image/png":"iVBOR","text/plain":"<Figure size 1x1>"}},{"ename":"ValueError","evalue":"no","traceback":["x"]}]}],
        "metadata":{"kernelspec":{"language":"python"}},"nbformat":4}"##;
    let document = extract("a.ipynb", notebook);
    assert_eq!(
        (document.format, document.title.as_str()),
        (Format::Notebook, "Анализ")
    );
    assert_eq!(
        document.text,
        "# Анализ\nШаг 1.\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n```text\nValueError: no\n```\n"
    );
    assert_eq!(
        extract("a.ipynb", "{\"cells\": 1}").format,
        Format::Json,
        "no notebook, still JSON"
    );
    assert_eq!(extract("a.ipynb", "{broken").format, Format::PlainText);
}
