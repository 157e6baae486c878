//! `RUN --mount=type=ssh`: a command within the build speaks to an agent on this side.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use stepyard_buildkit::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::support::{Engine, Workspace, build, on};

/// `SSH_AGENTC_REQUEST_IDENTITIES` (draft-ietf-sshm-ssh-agent): a length of 1 and the number 11.
const REQUEST: [u8; 5] = [0, 0, 0, 1, 11];
/// `SSH_AGENT_IDENTITIES_ANSWER` with no identity.
const ANSWER: [u8; 9] = [0, 0, 0, 5, 12, 0, 0, 0, 0];

/// Asks the agent, and prints what it answers.
const PROGRAM: &str = r#"
use std::io::{Read, Write};
fn main() {
    let socket = std::env::var("SSH_AUTH_SOCK").expect("SSH_AUTH_SOCK");
    let mut agent = std::os::unix::net::UnixStream::connect(socket).expect("an agent");
    for _ in 0..2 {
        agent.write_all(&[0, 0, 0, 1, 11]).expect("a request");
        let mut answer = [0; 9];
        agent.read_exact(&mut answer).expect("an answer");
        println!("answer {answer:?}");
    }
}
"#;

/// A workspace with the program, which needs nothing of the image.
fn workspace(mount: &str) -> Workspace {
    let workspace = Workspace::new(&format!(
        "FROM base\nCOPY ask /ask\nRUN --mount={mount} /ask\n"
    ));
    workspace.compile("ask", PROGRAM);
    workspace
}

on!(a_command_reaches_the_agent: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_command_reaches_the_agent(engine: Engine) {
    let workspace = workspace("type=ssh,id=keys");
    let socket = workspace.path("agent.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let served = Arc::new(AtomicU32::new(0));
    let agent = tokio::spawn(serve(listener, Arc::clone(&served)));
    let mut request = workspace.anew();
    request.ssh_agents = BTreeMap::from([("keys".to_owned(), socket)]);
    let built = build(engine, request).await;
    agent.abort();
    built.succeeded();
    let answers = format!("answer {ANSWER:?}\nanswer {ANSWER:?}\n");
    assert!(built.output().contains(&answers), "{}", built.output());
    assert_eq!(served.load(Ordering::Relaxed), 2);
}

/// An agent that has no keys.
async fn serve(listener: UnixListener, served: Arc<AtomicU32>) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = [0; 5];
        while client.read_exact(&mut request).await.is_ok() {
            assert_eq!(request, REQUEST);
            served.fetch_add(1, Ordering::Relaxed);
            client.write_all(&ANSWER).await.unwrap();
        }
    }
}

on!(an_agent_that_is_gone: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn an_agent_that_is_gone(engine: Engine) {
    let workspace = workspace("type=ssh");
    let mut request = workspace.anew();
    let socket = workspace.path("nobody.sock");
    request.ssh_agents = BTreeMap::from([("default".to_owned(), socket)]);
    let built = build(engine, request).await;
    let error = built.error();
    assert!(
        matches!(error, Error::SshAgent { id, .. } if id == "default"),
        "{error:?}"
    );
}
