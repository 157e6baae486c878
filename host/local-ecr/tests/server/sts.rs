use crate::client::{Answer, Fixture};

const SIGNED: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=00",
);

fn element<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let text = std::str::from_utf8(&answer.body).unwrap();
    let (_, rest) = text
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("{text}"));
    rest.split_once('<').unwrap().0
}

#[tokio::test]
async fn the_caller_is_named() {
    let fixture = Fixture::new().await;
    let answer = fixture
        .sts("Action=GetCallerIdentity&Version=2011-06-15", &[SIGNED])
        .await;
    assert_eq!(answer.header("content-type"), "text/xml");
    assert_eq!(element(&answer, "Account"), "123456789012");
    assert_eq!(
        element(&answer, "Arn"),
        "arn:aws:iam::123456789012:user/local-ecr"
    );
    let unsigned = fixture.sts("Action=GetCallerIdentity", &[]).await;
    assert_eq!(unsigned.status, 403);
    assert_eq!(element(&unsigned, "Code"), "MissingAuthenticationToken");
    let unknown = fixture.sts("Action=Nonsense<>", &[SIGNED]).await;
    assert_eq!(element(&unknown, "Code"), "InvalidAction");
    assert!(element(&unknown, "Message").contains("Nonsense&lt;&gt;"));
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id_only() {
    let fixture = Fixture::with(|builder| builder.external_id("shared")).await;
    let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fpath%2Fpush";
    let form = format!("Action=AssumeRole&{role}&RoleSessionName=ci");
    let denied = fixture.sts(&form, &[SIGNED]).await;
    assert_eq!(
        (denied.status.as_u16(), element(&denied, "Code")),
        (403, "AccessDenied")
    );
    let granted = fixture
        .sts(&format!("{form}&ExternalId=shared"), &[SIGNED])
        .await;
    assert!(element(&granted, "AccessKeyId").starts_with("ASIA"));
    assert_eq!(
        element(&granted, "Arn"),
        "arn:aws:sts::210987654321:assumed-role/push/ci"
    );
    let invalid = "Action=AssumeRole&RoleArn=nonsense&RoleSessionName=ci&ExternalId=shared";
    let invalid = fixture.sts(invalid, &[SIGNED]).await;
    assert_eq!(element(&invalid, "Code"), "ValidationError");
    let web = format!(
        "Action=AssumeRoleWithWebIdentity&{role}&RoleSessionName=ci&WebIdentityToken=a.b.c"
    );
    assert_eq!(fixture.sts(&web, &[]).await.status, 200);
}
