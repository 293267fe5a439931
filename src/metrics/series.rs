//! A family's series, bounded in number.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock};

/// Most series of one family. Past this a call is counted under `other` in every label, so that sums
/// stay right.
pub const SERIES_MAX: usize = 2_000;

/// The value that stands for all that get none of their own.
pub(super) const OTHER: &str = "other";

type Make<M> = dyn Fn(&[&str]) -> M + Send + Sync;

/// A family's children by their labels' hash, which spares the hot path the family's own look-up and
/// tells when the family is full.
pub(super) struct Series<M> {
    make: Box<Make<M>>,
    children: RwLock<HashMap<u64, M>>,
    hasher: RandomState,
}

/// A child, and whether it stands for others.
pub(super) struct Child<M> {
    pub(super) metric: M,
    pub(super) collapsed: bool,
}

impl<M: Clone> Series<M> {
    /// Series that `make` makes of label values.
    pub(super) fn new(make: impl Fn(&[&str]) -> M + Send + Sync + 'static) -> Self {
        Series {
            make: Box::new(make),
            children: RwLock::default(),
            hasher: RandomState::new(),
        }
    }

    /// The series of these label values, in the family's order.
    pub(super) fn with(&self, values: &[&str]) -> Child<M> {
        let hash = self.hasher.hash_one(values);
        let children = self.children.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = self.found(&children, hash, values.len()) {
            return child;
        }
        drop(children);
        let mut children = self
            .children
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        self.found(&children, hash, values.len())
            .unwrap_or_else(|| {
                let metric = (self.make)(values);
                children.insert(hash, metric.clone());
                Child {
                    metric,
                    collapsed: false,
                }
            })
    }

    /// The child there is, or the one of all others where the family is full.
    fn found(&self, children: &HashMap<u64, M>, hash: u64, labels: usize) -> Option<Child<M>> {
        if let Some(metric) = children.get(&hash) {
            return Some(Child {
                metric: metric.clone(),
                collapsed: false,
            });
        }
        // One place is kept for the series of all others.
        (children.len() >= SERIES_MAX - 1).then(|| Child {
            metric: (self.make)(&vec![OTHER; labels]),
            collapsed: true,
        })
    }
}
