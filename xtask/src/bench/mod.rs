use clap::Args;
#[derive(Args)]
pub(crate) struct Options {}
pub(crate) fn run(_: &Options) -> crate::error::Result<()> {
    Ok(())
}
