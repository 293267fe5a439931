//! Who a call is for.

use std::collections::BTreeMap;

/// Who a call is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    /// A keyed hash of the client's credential, 12 hex digits.
    pub key: Option<String>,
    pub user: Option<String>,
    pub team: Option<String>,
    pub project: Option<String>,
    pub task: Option<String>,
    pub tags: BTreeMap<String, String>,
}

impl Labels {
    /// Takes over what these say and nothing closer to the call said; the key is nobody's to say.
    pub fn fill(&mut self, farther: &Labels) {
        let pairs = [
            (&mut self.user, &farther.user),
            (&mut self.team, &farther.team),
            (&mut self.project, &farther.project),
            (&mut self.task, &farther.task),
        ];
        for (label, said) in pairs {
            if label.is_none() {
                label.clone_from(said);
            }
        }
        for (name, value) in &farther.tags {
            self.tags
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
    }
}
