//! Which section of the catalogue each known provider is priced by.

use std::collections::HashSet;

use crate::pricing::Catalog;
use crate::providers::Backend;
use crate::providers::hosts::KNOWN;

#[test]
fn every_known_provider_is_asked_by_an_id_that_the_catalogue_has() {
    let catalog = Catalog::builtin();
    let sections: HashSet<&str> = catalog.models().map(|(section, _)| section).collect();
    let mut asked = 0;
    for known in KNOWN {
        let Some(id) = known.catalog_id else { continue };
        asked += 1;
        let is_router = sections
            .iter()
            .any(|section| section.starts_with(&format!("{id}_")));
        assert!(sections.contains(id) || is_router, "{}: {id}", known.name);
    }
    assert!(asked > 20, "{asked} providers with a section");
    for section in sections
        .iter()
        .filter(|section| section.starts_with("huggingface_"))
    {
        let backend = section.trim_start_matches("huggingface_");
        let model = format!("m:{backend}");
        let found = Backend::of(Some("huggingface"), Some(&model), None).catalog_id;
        assert_eq!(found, Some(*section));
    }
}
