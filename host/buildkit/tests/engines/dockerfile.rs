//! What a Dockerfile and the settings of a build can do.

use stepyard_buildkit::{NamedContext, Network};

use crate::support::{Destination, Engine, Kind, Workspace, base_image, build, on};

on!(stages_arguments_and_labels: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn stages_arguments_and_labels(engine: Engine) {
    let workspace = Workspace::new(
        "FROM base AS made\nARG WHO=nobody\nRUN echo \"made for $WHO\" > /made\n\
         FROM scratch AS wanted\nCOPY --from=made /made /received\nENV KEY=value\n\
         FROM base AS last\nRUN false\n",
    );
    let destination = Destination::new(engine, "stages");
    let mut request = workspace.build(destination.output());
    request.target = Some("wanted".to_owned());
    request.build_arguments = vec![("WHO".to_owned(), "a \"friend\", = ü".to_owned())];
    request.labels = vec![("org.example.label".to_owned(), "a=b, c".to_owned())];
    build(engine, request).await.succeeded();
    let image = destination.image();
    assert_eq!(image.text("received"), "made for a \"friend\", = ü\n");
    let configuration = &image.configuration["config"];
    assert_eq!(configuration["Labels"]["org.example.label"], "a=b, c");
    assert!(configuration["Env"].to_string().contains("KEY=value"));
}

on!(a_cache_mount_keeps_its_files: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_cache_mount_keeps_its_files(engine: Engine) {
    let id = crate::support::unique("mount");
    let step = format!("RUN --mount=type=cache,id={id},target=/cache");
    let workspace = Workspace::new(&format!(
        "FROM base\n{step} echo kept > /cache/file\n{step} cat /cache/file\nRUN test ! -e /cache/file\n"
    ));
    let built = build(engine, workspace.anew()).await;
    built.succeeded();
    assert!(built.output().contains("kept\n"), "{}", built.output());
}

on!(add_unpacks_a_tar: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn add_unpacks_a_tar(engine: Engine) {
    let workspace =
        Workspace::new("FROM scratch\nADD archive.tar /unpacked/\nCOPY archive.tar /\n");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(6);
    header.set_mode(0o640);
    archive
        .append_data(&mut header, "folder/inner", &b"packed"[..])
        .unwrap();
    workspace.write("archive.tar", archive.into_inner().unwrap());
    let destination = Destination::new(engine, "archive");
    build(engine, workspace.build(destination.output()))
        .await
        .succeeded();
    let image = destination.image();
    assert_eq!(image.text("unpacked/folder/inner"), "packed");
    let entries = image.entries();
    assert_eq!(entries["unpacked/folder/inner"].mode, 0o640);
    assert!(matches!(entries["archive.tar"].kind, Kind::File { .. }));
}

on!(a_base_image_has_its_say: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn a_base_image_has_its_say(engine: Engine) {
    let workspace = Workspace::new("FROM base\nONBUILD COPY brought /by-the-base\n");
    let base = Destination::new(engine, "onbuild");
    build(engine, workspace.build(base.output()))
        .await
        .succeeded();
    workspace.dockerfile(&format!("FROM {}\nRUN cat /by-the-base\n", base.name()));
    workspace.write("brought", "by the child\n");
    let built = build(engine, workspace.anew()).await;
    built.succeeded();
    assert!(built.output().contains("by the child\n"));
}

on!(hosts_are_added: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn hosts_are_added(engine: Engine) {
    let workspace = Workspace::new("FROM base\nRUN cat /etc/hosts\n");
    let mut request = workspace.anew();
    request.extra_hosts = vec![
        ("one.example".to_owned(), "192.0.2.1".to_owned()),
        ("six.example".to_owned(), "2001:db8::6".to_owned()),
    ];
    let built = build(engine, request).await;
    built.succeeded();
    let output = built.output();
    assert!(output.contains("192.0.2.1\tone.example"), "{output}");
    assert!(output.contains("2001:db8::6\tsix.example"), "{output}");
}

on!(no_network_is_only_loopback: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn no_network_is_only_loopback(engine: Engine) {
    let workspace =
        Workspace::new("FROM base\nRUN echo \"devices: $(ls /sys/class/net | tr '\\n' ',')\"\n");
    let mut request = workspace.anew();
    request.network = Network::None;
    let built = build(engine, request).await;
    built.succeeded();
    assert!(
        built.output().contains("devices: lo,\n"),
        "{}",
        built.output()
    );

    let built = build(engine, workspace.anew()).await;
    built.succeeded();
    assert!(
        !built.output().contains("devices: lo,\n"),
        "{}",
        built.output()
    );
}

on!(no_cache_builds_anew: docker_20, docker_26_classic, docker_26_containerd, daemon);

async fn no_cache_builds_anew(engine: Engine) {
    let step = "RUN cat /proc/sys/kernel/random/uuid";
    let marker = crate::support::unique("anew");
    let workspace = Workspace::new(&format!("FROM base\n{step} # {marker}\n"));
    let first = build(engine, workspace.trial()).await;
    let second = build(engine, workspace.trial()).await;
    let third = build(engine, workspace.anew()).await;
    for built in [&first, &second, &third] {
        built.succeeded();
    }
    let name = format!("{step} # {marker}");
    assert!(!first.was_cached(&name));
    assert!(second.was_cached(&name));
    assert!(!third.was_cached(&name));
    assert_eq!(third.output().trim().len(), 36, "{}", third.output());
    assert_ne!(third.output(), first.output());
}

on!(heredocs: docker_26_classic, docker_26_containerd, daemon);

async fn heredocs(engine: Engine) {
    let workspace = Workspace::new(
        "FROM base AS made\nRUN <<END\necho first > /file\necho second >> /file\nEND\n\
         FROM scratch\nCOPY --from=made /file /file\nCOPY <<\"END\" /literal\n$HOME\nEND\n",
    );
    let destination = Destination::new(engine, "heredoc");
    build(engine, workspace.build(destination.output()))
        .await
        .succeeded();
    let image = destination.image();
    assert_eq!(image.text("file"), "first\nsecond\n");
    assert_eq!(image.text("literal"), "$HOME\n");
}

on!(named_contexts: docker_26_classic, docker_26_containerd, daemon);

async fn named_contexts(engine: Engine) {
    let workspace = Workspace::new(
        "FROM replaced AS made\nRUN --mount=from=folder,target=/mount cat /mount/file\n\
         FROM scratch\nCOPY --from=folder file /copied\n",
    );
    let folder = Workspace::new("");
    folder.write("file", "of the folder\n");
    let other = Workspace::new("");
    other.write("file", "of the other\n");
    let destination = Destination::new(engine, "named");
    let mut request = workspace.build(destination.output());
    request.named_contexts = vec![
        (
            "other".to_owned(),
            NamedContext::Directory(other.directory()),
        ),
        (
            "folder".to_owned(),
            NamedContext::Directory(folder.directory()),
        ),
        ("replaced".to_owned(), NamedContext::Image(base_image())),
    ];
    build(engine, request).await.succeeded();
    assert_eq!(destination.image().text("copied"), "of the folder\n");

    // An image in the place of what FROM names, and it is built with.
    let mut request = workspace.anew();
    request.target = Some("made".to_owned());
    request.named_contexts = vec![
        (
            "folder".to_owned(),
            NamedContext::Directory(folder.directory()),
        ),
        ("replaced".to_owned(), NamedContext::Image(base_image())),
    ];
    let built = build(engine, request).await;
    built.succeeded();
    assert!(
        built.output().contains("of the folder\n"),
        "{}",
        built.output()
    );
}
