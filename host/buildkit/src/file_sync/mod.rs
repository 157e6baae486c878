//! The session's service `moby.filesync.v1.FileSync`: the daemon reads folders of the client.
