//! Tables of cases: which engines and which registries each runs on.

/// Makes a test of each case for each engine and registry that it names: the case is a function of
/// an [`Engine`](super::engine::Engine) and a [`Backend`](super::backend::Backend).
macro_rules! cases {
    ($($case:ident { $($engine:ident: $($backend:ident),+;)+ })*) => {$(
        mod $case {$(
            mod $engine {$(
                #[test]
                fn $backend() {
                    let backend = $crate::support::cases::backend!($backend);
                    super::super::$case($crate::support::engine::Engine::$engine(), &backend);
                }
            )+}
        )+}
    )*};
}

macro_rules! backend {
    (moto) => {
        $crate::support::backend::Backend::moto()
    };
    (local_ecr) => {
        $crate::support::backend::Backend::local_ecr(&[])
    };
}

pub(crate) use {backend, cases};
