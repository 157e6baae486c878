//! Builds the Dockerfile of a folder with the Docker Engine at a socket, and prints what happens:
//! `cargo run -p stepyard-buildkit --example build -- /var/run/docker.sock FOLDER [PUSH-TO]`.
#![allow(clippy::print_stdout, reason = "an example that reports to a terminal")]

use std::error::Error;

use stepyard_buildkit::{
    BuildProgress, Client, Context, DockerfileBuild, Endpoint, Event, Output, PushDestination,
    Transport,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "expected: SOCKET FOLDER [PUSH-TO]";
    let socket = arguments.next().ok_or(usage)?;
    let folder = arguments.next().ok_or(usage)?;
    let output = match arguments.next() {
        Some(reference) => Output::Push(PushDestination {
            reference,
            by_digest: false,
            insecure: false,
        }),
        None => Output::Held { names: Vec::new() },
    };
    let client = Client::new(Endpoint::DockerEngine(Transport::Unix(socket.into())));
    println!("{:?}", client.information().await?);
    let context = Context {
        directory: cap_std::fs::Dir::open_ambient_dir(&folder, cap_std::ambient_authority())?,
        shared_key: folder,
    };
    let build = DockerfileBuild::new(context, output);
    let result = client
        .build(build, &BuildProgress::default(), |event| match event {
            Event::Output { data, .. } => print!("{}", String::from_utf8_lossy(&data)),
            event => println!("{event:?}"),
        })
        .await?;
    println!("{result:?}");
    Ok(())
}
