//! The paths a scanner captures, compiled into a tree.
//!
//! The scanner walks this tree beside the document, so it enters only the containers on the way to
//! a captured value, and its own stack is never deeper than the longest path.

/// A set of paths to capture; the index of a path is its field id.
///
/// A path is member names joined by `.`, where `[]` stands for every element of an array: `usage`,
/// `choices[].delta.content`, `[].usageMetadata` (an array as the root), `[]` (its elements), and
/// the empty path for the whole document. A name that holds a `.` or `[]` cannot be written. Where
/// one path is the beginning of another, both are captured: the inner value first, then the outer
/// one whole.
#[derive(Debug)]
pub struct Fields {
    nodes: Vec<Node>,
    name_max: usize,
}

/// One place in the documents that the paths describe.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The field captured here.
    pub(super) field: Option<usize>,
    /// The node of an array's elements.
    pub(super) element: Option<usize>,
    members: Vec<(Box<[u8]>, usize)>,
    /// The bits of the members' names, see [`bit`], to refuse most names at once.
    bits: u64,
}

/// The node of the document itself.
pub(super) const ROOT: usize = 0;

enum Step<'a> {
    Member(&'a str),
    Element,
}

impl Fields {
    /// Compiles the paths. A path that stands twice is a programming error; the later id wins.
    pub fn new(paths: &[&str]) -> Fields {
        let mut fields = Fields {
            nodes: vec![Node::default()],
            name_max: 0,
        };
        for (field, path) in paths.iter().enumerate() {
            let at = steps(path).fold(ROOT, |at, step| fields.child(at, step));
            debug_assert!(
                fields.nodes[at].field.is_none(),
                "the path {path:?} stands twice"
            );
            fields.nodes[at].field = Some(field);
        }
        fields
    }

    pub(super) fn node(&self, at: usize) -> &Node {
        &self.nodes[at]
    }

    /// Length of the longest raw key that can match: a byte of a name is written with at most six,
    /// as in `\u0061`.
    pub(super) fn key_max(&self) -> usize {
        self.name_max * 6
    }

    fn child(&mut self, at: usize, step: Step<'_>) -> usize {
        let next = self.nodes.len();
        let node = &mut self.nodes[at];
        let child = match step {
            Step::Element => *node.element.get_or_insert(next),
            Step::Member(name) => {
                self.name_max = self.name_max.max(name.len());
                let known = node.member(name.as_bytes());
                known.unwrap_or_else(|| {
                    node.bits |= bit(name.as_bytes());
                    node.members.push((name.as_bytes().into(), next));
                    next
                })
            }
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        child
    }
}

impl Node {
    /// The node of the member of this (decoded) name.
    #[inline]
    pub(super) fn member(&self, name: &[u8]) -> Option<usize> {
        if self.bits & bit(name) == 0 {
            return None;
        }
        self.members
            .iter()
            .find(|(known, _)| **known == *name)
            .map(|&(_, node)| node)
    }

    /// Whether some path leads through a member of an object here.
    pub(super) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }
}

/// One of 64 bits, by a name's length and its first byte.
#[inline]
fn bit(name: &[u8]) -> u64 {
    let first = name.first().copied().unwrap_or_default();
    1 << ((name.len() + usize::from(first) * 7) % 64)
}

fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    let parts = path.split('.').filter(|part| !part.is_empty());
    parts.flat_map(|part| {
        let name = part.trim_end_matches("[]");
        let elements = (part.len() - name.len()) / 2;
        let member = (!name.is_empty()).then_some(Step::Member(name));
        member
            .into_iter()
            .chain((0..elements).map(|_| Step::Element))
    })
}
