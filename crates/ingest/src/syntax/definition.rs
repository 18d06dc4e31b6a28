//! Which nodes of a syntax tree define something, and what it is called. One table for all grammars: their kinds differ,
//! but do not contradict each other.

use tree_sitter::Node;

/// Whether a node defines something that names what is inside of it.
pub(super) fn is_definition(kind: &str) -> bool {
    matches!(
        kind,
        "function_item"
            | "function_definition"
            | "function_declaration"
            | "generator_function_declaration"
            | "method_definition"
            | "method_declaration"
            | "constructor_declaration"
            | "local_function_statement"
            | "class_definition"
            | "class_declaration"
            | "class_specifier"
            | "abstract_class_declaration"
            | "struct_item"
            | "struct_specifier"
            | "struct_declaration"
            | "union_item"
            | "union_specifier"
            | "enum_item"
            | "enum_specifier"
            | "enum_declaration"
            | "record_declaration"
            | "trait_item"
            | "trait_declaration"
            | "interface_declaration"
            | "annotation_type_declaration"
            | "impl_item"
            | "mod_item"
            | "macro_definition"
            | "namespace_definition"
            | "namespace_declaration"
            | "internal_module"
            | "type_spec"
            | "type_alias_declaration"
            | "class"
            | "module"
            | "method"
            | "singleton_method"
            | "lexical_declaration"
    )
}

/// Nodes that only wrap a definition: it begins where they do.
pub(super) fn is_wrapper(kind: &str) -> bool {
    matches!(
        kind,
        "decorated_definition" | "export_statement" | "template_declaration" | "type_declaration"
    )
}

/// What stands before a definition and belongs to it.
pub(super) fn is_preamble(kind: &str) -> bool {
    kind.contains("comment")
        || matches!(
            kind,
            "attribute_item" | "inner_attribute_item" | "decorator" | "attribute_list"
        )
}

/// The name of a definition; `None`: it has none, and is a statement like any other.
pub(super) fn name_of(node: Node<'_>, text: &str) -> Option<String> {
    match node.kind() {
        "impl_item" => {
            let subject = field(node, "type", text)?;
            Some(
                field(node, "trait", text)
                    .map_or_else(|| subject.to_owned(), |of| format!("{of} for {subject}")),
            )
        }
        "lexical_declaration" => {
            let declarator = node
                .named_child(0)
                .filter(|child| child.kind() == "variable_declarator")?;
            let value = declarator.child_by_field_name("value")?;
            let defines = matches!(value.kind(), "arrow_function" | "function_expression" | "class");
            defines
                .then(|| field(declarator, "name", text))
                .flatten()
                .map(str::to_owned)
        }
        // A method of Go names the type that it belongs to.
        "method_declaration" if node.child_by_field_name("receiver").is_some() => {
            let receiver = field(node, "receiver", text)?.trim_matches(['(', ')']);
            let owner = receiver.rsplit([' ', '*']).next().unwrap_or(receiver);
            Some(format!("{owner}.{}", field(node, "name", text)?))
        }
        _ => field(node, "name", text)
            .map(str::to_owned)
            .or_else(|| declared(node, text)),
    }
}

/// C and C++ hide the name in nested declarators.
fn declared(node: Node<'_>, text: &str) -> Option<String> {
    let mut declarator = node.child_by_field_name("declarator")?;
    for _ in 0..16 {
        match declarator.child_by_field_name("declarator") {
            Some(inner) => declarator = inner,
            None => break,
        }
        if matches!(
            declarator.kind(),
            "qualified_identifier" | "identifier" | "field_identifier"
        ) {
            break;
        }
    }
    source(declarator, text).map(str::to_owned)
}

fn field<'t>(node: Node<'_>, name: &str, text: &'t str) -> Option<&'t str> {
    node.child_by_field_name(name).and_then(|node| source(node, text))
}

/// A node's text, if it is short enough for a name.
fn source<'t>(node: Node<'_>, text: &'t str) -> Option<&'t str> {
    text.get(node.byte_range())
        .filter(|name| !name.is_empty() && name.len() < 200)
}
