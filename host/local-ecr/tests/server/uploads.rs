use crate::client::{Fixture, digest};
use bytes::Bytes;
use http::Method;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

async fn start(fixture: &Fixture) -> String {
    let answer = fixture
        .v2(Method::POST, "/v2/app/blobs/uploads/", &[], "")
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("range"), "0-0");
    answer.header("location").to_owned()
}

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.create_repository("app").await;
    fixture
}

#[tokio::test]
async fn chunks_make_a_blob_that_can_be_read_whole_and_in_part() {
    let fixture = fixture().await;
    let location = start(&fixture).await;
    let first = fixture
        .v2(
            Method::PATCH,
            &location,
            &[("content-range", "0-4")],
            "hello",
        )
        .await;
    assert_eq!((first.status.as_u16(), first.header("range")), (201, "0-4"));
    let second = fixture.v2(Method::PATCH, &location, &[], " wor").await;
    assert_eq!(
        (second.status.as_u16(), second.header("range")),
        (201, "0-8")
    );
    let status = fixture.get(&location).await;
    assert_eq!(
        (status.status.as_u16(), status.header("range")),
        (204, "0-8")
    );

    let digest = digest(b"hello world");
    let done = fixture
        .v2(
            Method::PUT,
            &format!("{location}?digest={digest}"),
            &[],
            "ld",
        )
        .await;
    assert_eq!(done.status, 201);
    let blob = format!("/v2/app/blobs/{digest}");
    assert_eq!(done.header("location"), blob);
    assert_eq!(done.header("docker-content-digest"), digest);

    let head = fixture.head(&blob).await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-length")),
        (200, "11")
    );
    assert_eq!(fixture.get(&blob).await.body, "hello world");
    let part = fixture
        .v2(Method::GET, &blob, &[("range", "bytes=6-")], "")
        .await;
    assert_eq!(
        (part.status.as_u16(), part.body),
        (206, Bytes::from("world"))
    );
    assert_eq!(part.headers["content-range"], "bytes 6-10/11");
    let beyond = fixture
        .v2(Method::GET, &blob, &[("range", "bytes=11-")], "")
        .await;
    assert_eq!(beyond.status, 416);
    assert_eq!(
        fixture.get(&location).await.error(),
        (404, "BLOB_UPLOAD_UNKNOWN".into())
    );
}

#[tokio::test]
async fn a_chunk_that_does_not_follow_on_is_refused() {
    let fixture = fixture().await;
    let location = start(&fixture).await;
    fixture.v2(Method::PATCH, &location, &[], "hello").await;
    let again = fixture
        .v2(
            Method::PATCH,
            &location,
            &[("content-range", "0-4")],
            "hello",
        )
        .await;
    assert_eq!(again.error(), (416, "BLOB_UPLOAD_INVALID".into()));
    assert_eq!(
        (again.header("range"), again.header("location")),
        ("0-4", location.as_str())
    );
    let length = fixture
        .v2(Method::PATCH, &location, &[("content-range", "5-9")], "x")
        .await;
    assert_eq!(length.error(), (400, "SIZE_INVALID".into()));
    let nonsense = fixture
        .v2(Method::PATCH, &location, &[("content-range", "all")], "x")
        .await;
    assert_eq!(nonsense.error(), (400, "BLOB_UPLOAD_INVALID".into()));
    assert_eq!(fixture.get(&location).await.header("range"), "0-4");
}

#[tokio::test]
async fn content_that_is_not_what_the_digest_says_is_not_stored() {
    let fixture = fixture().await;
    let location = start(&fixture).await;
    let digest = digest(b"expected");
    let done = fixture
        .v2(
            Method::PUT,
            &format!("{location}?digest={digest}"),
            &[],
            "other",
        )
        .await;
    assert_eq!(done.error(), (400, "DIGEST_INVALID".into()));
    assert_eq!(
        fixture
            .head(&format!("/v2/app/blobs/{digest}"))
            .await
            .status,
        404
    );
    let files = std::fs::read_dir(fixture.data.path().join("ecr/temporary"))
        .unwrap()
        .count();
    assert_eq!(files, 0, "what had arrived is gone");

    let location = start(&fixture).await;
    assert_eq!(
        fixture.v2(Method::DELETE, &location, &[], "").await.status,
        204
    );
    assert_eq!(fixture.get(&location).await.status, 404);
    let path = "/v2/app/blobs/uploads/?digest=sha512:00";
    let unknown = fixture.v2(Method::POST, path, &[], "x").await;
    assert_eq!(unknown.error(), (400, "DIGEST_INVALID".into()));
}

#[tokio::test]
async fn an_interrupted_chunk_can_be_resumed() {
    let fixture = fixture().await;
    let location = start(&fixture).await;
    let (address, authorization) = (fixture.server.address(), fixture.authorization.clone());
    let path = location.clone();
    tokio::task::spawn_blocking(move || {
        let mut connection = TcpStream::connect(address).unwrap();
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: 100\r\n\r\nhello"
        );
        connection.write_all(head.as_bytes()).unwrap();
        connection.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        // The server has let go of the upload when it closes the connection.
        let _ = connection.read_to_string(&mut answer);
    })
    .await
    .unwrap();
    let range = loop {
        let status = fixture.get(&location).await;
        if status.status != 409 {
            break status.header("range").to_owned();
        }
    };
    assert_eq!(range, "0-4");
    let digest = digest(b"hello world");
    let path = format!("{location}?digest={digest}");
    let done = fixture
        .v2(Method::PUT, &path, &[("content-range", "5-10")], " world")
        .await;
    assert_eq!(done.status, 201);
}

#[tokio::test]
async fn a_mount_is_an_upload_unless_it_is_enabled() {
    for enabled in [false, true] {
        let fixture = Fixture::with(|builder| builder.blob_mounting(enabled)).await;
        fixture.create_repository("base").await;
        fixture.create_repository("app").await;
        let digest = fixture.push_blob("base", b"layer").await;
        let path = format!("/v2/app/blobs/uploads/?mount={digest}&from=base");
        let answer = fixture.v2(Method::POST, &path, &[], "").await;
        assert_eq!(answer.status, if enabled { 201 } else { 202 });
        let head = fixture.head(&format!("/v2/app/blobs/{digest}")).await;
        assert_eq!(head.status, if enabled { 200 } else { 404 });
        let path = format!("/v2/app/blobs/uploads/?mount={digest}&from=absent");
        assert_eq!(fixture.v2(Method::POST, &path, &[], "").await.status, 202);
    }
}

#[tokio::test]
async fn a_push_makes_a_repository_only_where_that_is_enabled() {
    for (enabled, status) in [(false, 404), (true, 202)] {
        let fixture = Fixture::with(|builder| builder.create_on_push(enabled)).await;
        let answer = fixture
            .v2(Method::POST, "/v2/team/app/blobs/uploads/", &[], "")
            .await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.status == 404,
            fixture.get("/v2/team/app/tags/list").await.status == 404
        );
        let invalid = fixture
            .v2(Method::POST, "/v2/Team/app/blobs/uploads/", &[], "")
            .await;
        assert_eq!(invalid.error(), (400, "NAME_INVALID".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_pushes_of_the_same_content_all_succeed() {
    let fixture = fixture().await;
    let pushes = (0..16).map(|index| {
        let fixture = &fixture;
        async move {
            fixture
                .push_image("app", &format!("v{index}"), "same")
                .await
                .0
                .status
        }
    });
    let statuses = futures_util::future::join_all(pushes).await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
    let tags = fixture.get("/v2/app/tags/list").await.json();
    assert_eq!(tags["tags"].as_array().unwrap().len(), 16);
}
