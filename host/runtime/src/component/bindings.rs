//! What `wit/` becomes on the host's side. Only here.
#![allow(missing_docs, unreachable_pub)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "step",
    imports: {
        "stepyard:step/auth.login": async | trappable,
        "stepyard:step/auth.anonymous": async | trappable,
        "stepyard:step/build.engine": async | trappable,
        "stepyard:step/build.supports": async | trappable,
        "stepyard:step/build.build": async | trappable,
        "stepyard:step/build.[method]image.push": async | trappable,
        "stepyard:step/registry.resolve": async | trappable,
        "stepyard:step/registry.get-manifest": async | trappable,
        "stepyard:step/registry.put-manifest": async | trappable,
        "stepyard:step/registry.tag": async | trappable,
        "stepyard:step/registry.copy": async | trappable,
        "stepyard:step/registry.list-tags": async | trappable,
        "stepyard:step/ecr.describe-repository": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "stepyard:step/types.credential": crate::auth::Credential,
        "stepyard:step/build.request": crate::build::RequestDraft,
        "stepyard:step/build.image": crate::build::BuiltImage,
        "stepyard:step/ecr.repository": crate::ecr::Repository,
    },
});
