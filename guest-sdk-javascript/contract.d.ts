// The contract of `wit/` as componentize-js gives it to a step, for editors and type checkers. What each
// function does, and how it fails, stands there.

declare module "stepyard:step/types@0.1.0" {
  export type ErrorKind =
    | { tag: "denied" }
    | { tag: "invalid-settings" }
    | { tag: "not-found" }
    | { tag: "unauthenticated" }
    | { tag: "forbidden" }
    | { tag: "conflict" }
    | { tag: "throttled" }
    | { tag: "timed-out" }
    | { tag: "cancelled" }
    | { tag: "unavailable" }
    | { tag: "engine-failure" }
    | { tag: "unsupported" }
    | { tag: "other"; val: string };
  export interface Error { kind: ErrorKind; message: string; hint?: string; retryable: boolean }
  export interface Descriptor { digest: string; mediaType: string; size: bigint }
  export class Credential {
    private constructor();
  }
}

declare module "stepyard:step/log@0.1.0" {
  export type Level = "debug" | "info" | "warn" | "error";
  export function write(level: Level, message: string): void;
  export function beginPhase(name: string): void;
}

declare module "stepyard:step/auth@0.1.0" {
  import type { Credential } from "stepyard:step/types@0.1.0";
  export function login(connector: string, registry: string | undefined): Credential;
  export function anonymous(registry: string): Credential;
}

declare module "stepyard:step/registry@0.1.0" {
  import type { Credential, Descriptor } from "stepyard:step/types@0.1.0";
  export interface Manifest { mediaType: string; content: Uint8Array }
  export function resolve(reference: string, credential: Credential): Descriptor | undefined;
  export function getManifest(reference: string, credential: Credential): Manifest;
  export function putManifest(reference: string, manifest: Manifest, credential: Credential): Descriptor;
  export function tag(reference: string, tag: string, credential: Credential): Descriptor;
  export function copy(source: string, sourceCredential: Credential, destination: string, destinationCredential: Credential): Descriptor;
  export function listTags(repository: string, credential: Credential): string[];
}

declare module "stepyard:step/build@0.1.0" {
  import type { Credential, Descriptor } from "stepyard:step/types@0.1.0";
  export function engine(): string;
  export function supports(feature: string): boolean;
  export interface IgnoredSetting { setting: string; reason: string }
  export class Request {
    constructor();
    setContext(path: string): void;
    setDockerfile(path: string): void;
    setTarget(stage: string): void;
    addBuildArgument(name: string, value: string): void;
    addLabel(name: string, value: string): void;
    addAnnotation(name: string, value: string): void;
    setProvenance(mode: string): void;
    setSbom(enabled: boolean): void;
    addPlatform(platform: string): void;
    addSecret(id: string, value: string): void;
    addSecretFile(id: string, path: string): void;
    addBaseImageCredential(credential: Credential): void;
    addSshAgent(id: string): void;
    addCacheSource(reference: string, credential: Credential | undefined): void;
    addCacheDestination(reference: string, credential: Credential): void;
    addCacheImport(options: string, credential: Credential | undefined): void;
    addCacheExport(options: string, credential: Credential | undefined): void;
    setBuildCache(enabled: boolean): void;
    setPull(enabled: boolean): void;
    setNetworkMode(mode: string): void;
    addExtraHost(name: string, address: string): void;
    addNamedContext(name: string, source: string): void;
    setSourceDateEpoch(seconds: string): void;
    setRunAsUser(user: string): void;
    setMemoryLimit(quantity: string): void;
    setCpuLimit(quantity: string): void;
    setMemoryRequest(quantity: string): void;
    setCpuRequest(quantity: string): void;
    setSnapshotMode(mode: string): void;
    setCompression(compression: string): void;
    setDestination(reference: string, credential: Credential): void;
    setSkipUnchanged(reference: string, credential: Credential): void;
  }
  export class Image {
    private constructor();
    id(): string;
    pushed(): Descriptor | undefined;
    unchanged(): boolean;
    ignoredSettings(): IgnoredSetting[];
    push(reference: string, credential: Credential): Descriptor;
  }
  export function build(request: Request): Image;
}

declare module "stepyard:step/ecr@0.1.0" {
  export class Repository {
    private constructor();
    name(): string;
    arn(): string;
    uri(): string;
    tagMutability(): string;
    tagIsImmutable(tag: string): boolean;
    mutabilityExclusions(): string[];
    scansOnPush(): boolean;
    encryption(): string;
    kmsKey(): string | undefined;
    isNew(): boolean;
  }
  export class RepositorySettings {
    constructor();
    setTagMutability(mutability: string): void;
    addMutabilityExclusion(filter: string): void;
    setScanOnPush(enabled: boolean): void;
    setEncryption(kind: string): void;
    setKmsKey(key: string): void;
    addTag(key: string, value: string): void;
  }
  export function describeRepository(connector: string, registry: string, name: string): Repository | undefined;
  export function createRepository(connector: string, registry: string, name: string, settings: RepositorySettings): Repository;
  export function putLifecyclePolicy(connector: string, registry: string, name: string, policy: string): void;
  export function setRepositoryPolicy(connector: string, registry: string, name: string, policy: string): void;
  export function putTagMutability(connector: string, registry: string, name: string, mutability: string, exclusions: string[]): void;
  export class Image {
    private constructor();
    digest(): string;
    tags(): string[];
    pushedAt(): string | undefined;
    size(): bigint | undefined;
    mediaType(): string | undefined;
  }
  export class ImageList {
    private constructor();
    next(): Image[];
  }
  export function listImages(connector: string, registry: string, name: string): ImageList;
  export function describeImage(connector: string, registry: string, name: string, image: string): Image | undefined;
  export function deleteImages(connector: string, registry: string, name: string, images: string[]): [string, string][];
  export class Finding {
    private constructor();
    name(): string;
    severity(): string;
    description(): string | undefined;
    uri(): string | undefined;
    packageName(): string | undefined;
    packageVersion(): string | undefined;
    fixedIn(): string | undefined;
  }
  export class Scan {
    private constructor();
    status(): string;
    statusDescription(): string | undefined;
    completedAt(): string | undefined;
    severityCounts(): [string, number][];
    nextFindings(): Finding[];
  }
  export function scanFindings(connector: string, registry: string, name: string, image: string): Scan | undefined;
  export function startScan(connector: string, registry: string, name: string, image: string): string;
  export class Replica {
    private constructor();
    account(): string;
    region(): string;
    status(): string;
    failureCode(): string | undefined;
  }
  export function replicationStatus(connector: string, registry: string, name: string, image: string): Replica[];
}
