//! Components, from wherever they are.

use super::Host;
use crate::component::{Component, ComponentSource, LoadError, Location, Origin};
use crate::sharing::shown_reference;

impl Host {
    /// Loads a component: fetches it where it is in a registry, and compiles it. Compiling one that is not in the code cache takes from 0.1 s to some
    /// seconds of CPU time and is done on a thread of its own.
    ///
    /// # Errors
    /// As [`LoadError`] lists.
    pub async fn load(&self, source: ComponentSource) -> Result<Component, LoadError> {
        let Location::Registry { name, reference } = &source.location else {
            return self.load_here(source).await;
        };
        let shown = shown_reference(reference);
        let (name, origin) = match name {
            Some(name) => (name.clone(), Origin::Pinned),
            None => (shown.clone(), Origin::Elsewhere),
        };
        if origin == Origin::Elsewhere && !self.shared.allows_unpinned {
            return Err(LoadError::Unpinned { name });
        }
        let Some(registry) = &self.shared.component_registry else {
            return Err(LoadError::NoRegistry { reference: shown });
        };
        let fetched = registry.fetch(reference).await?;
        let here = source.fetched(name.clone(), origin, fetched.clone());
        match self.load_here(here).await {
            // Damaged on this machine, unless other bytes were asked for.
            Err(LoadError::OtherDigest { expected, .. })
                if fetched.was_kept && expected == fetched.digest =>
            {
                registry.forget(&fetched.digest);
                let fetched = registry.fetch(reference).await?;
                self.load_here(source.fetched(name, origin, fetched)).await
            }
            loaded => loaded,
        }
    }

    /// Loads a component that is on this machine.
    async fn load_here(&self, source: ComponentSource) -> Result<Component, LoadError> {
        let host = self.clone();
        let loaded = tokio::task::spawn_blocking(move || {
            let shared = &host.shared;
            crate::component::load(
                &shared.engine,
                &shared.linker,
                shared.cache.as_ref(),
                source,
                shared.allows_unpinned,
            )
        });
        loaded.await.unwrap_or_else(|error| {
            Err(LoadError::NotAComponent {
                name: "the component".to_owned(),
                problem: format!("compiling it failed: {error}"),
                help: "report this as a fault of Stepyard".to_owned(),
            })
        })
    }
}
