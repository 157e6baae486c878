//! "Did you mean": the nearest of the names that would have been right.

/// A sentence that names the nearest of `known`, or all of them where none is near.
pub(crate) fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let lower = found.to_lowercase();
    let nearest = known
        .iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&lower, &name.to_lowercase()),
                *name,
            )
        })
        .filter(|(distance, name)| *distance <= 1.max(name.chars().count() / 4))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "nothing can stand here".to_owned(),
        None => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("use one of {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn names_the_nearest_or_all() {
        let known = ["imageName", "tags", "region"];
        assert_eq!(
            did_you_mean("imagename", known),
            "did you mean `imageName`?"
        );
        assert_eq!(did_you_mean("tag", known), "did you mean `tags`?");
        assert_eq!(
            did_you_mean("xyz", known),
            "use one of `imageName`, `tags`, `region`"
        );
        assert_eq!(did_you_mean("xyz", []), "nothing can stand here");
    }
}
