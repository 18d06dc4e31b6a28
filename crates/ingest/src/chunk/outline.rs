//! The tree of headings (or names, or keys) of a slice.

/// Longest name kept, in characters.
const NAME_CHARS: usize = 120;
/// Deepest path kept; deeper headings stand under their ancestor at this depth.
const DEPTH: u32 = 12;

/// A place in the outline; 0 is the document itself.
pub(super) type Place = u32;

#[derive(Debug)]
struct Node {
    parent: Place,
    depth: u32,
    name: String,
}

#[derive(Debug)]
pub(super) struct Outline {
    nodes: Vec<Node>,
}

impl Default for Outline {
    fn default() -> Self {
        Self {
            nodes: vec![Node {
                parent: 0,
                depth: 0,
                name: String::new(),
            }],
        }
    }
}

impl Outline {
    /// A place under `parent`. White space in the name becomes single spaces; an empty name adds no place.
    pub(super) fn add(&mut self, parent: Place, name: &str) -> Place {
        let name = tidy(name);
        let depth = self.node(parent).depth + 1;
        if name.is_empty() || depth > DEPTH {
            return parent;
        }
        self.nodes.push(Node { parent, depth, name });
        (self.nodes.len() - 1) as Place
    }

    /// The innermost place that both are under.
    pub(super) fn common(&self, mut a: Place, mut b: Place) -> Place {
        while a != b {
            if self.node(a).depth >= self.node(b).depth {
                a = self.node(a).parent;
            } else {
                b = self.node(b).parent;
            }
        }
        a
    }

    pub(super) fn path(&self, mut place: Place) -> Vec<String> {
        let mut path = Vec::new();
        while place != 0 {
            path.push(self.node(place).name.clone());
            place = self.node(place).parent;
        }
        path.reverse();
        path
    }

    fn node(&self, place: Place) -> &Node {
        &self.nodes[place as usize]
    }
}

fn tidy(name: &str) -> String {
    let mut tidy = String::new();
    for word in name.split_whitespace() {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
        if tidy.len() > NAME_CHARS * 4 {
            break;
        }
    }
    tidy.chars()
        .filter(|c| !c.is_control())
        .take(NAME_CHARS)
        .collect()
}
