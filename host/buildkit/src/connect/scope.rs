//! Tasks that end with the connection that they serve.

use std::sync::Arc;

use hyper::rt::Executor;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Runs tasks until its last clone outside of them is dropped: no connection, stream or session
/// outlives the build that opened it.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    guard: Arc<Guard>,
}

struct Guard {
    token: CancellationToken,
    _cancel: DropGuard,
}

impl Default for Guard {
    fn default() -> Self {
        let token = CancellationToken::new();
        Self {
            _cancel: token.clone().drop_guard(),
            token,
        }
    }
}

impl Scope {
    /// Runs a task in the scope.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        spawn(self.guard.token.clone(), task);
    }

    /// Runs tasks in the scope without keeping it open.
    pub(crate) fn executor(&self) -> ScopeExecutor {
        ScopeExecutor(self.guard.token.clone())
    }
}

/// Runs hyper's tasks in a [`Scope`].
#[derive(Clone)]
pub(crate) struct ScopeExecutor(CancellationToken);

impl<Task> Executor<Task> for ScopeExecutor
where
    Task: Future + Send + 'static,
    Task::Output: Send,
{
    fn execute(&self, task: Task) {
        spawn(self.0.clone(), async move {
            task.await;
        });
    }
}

fn spawn(token: CancellationToken, task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        // What a task returns when it is cancelled interests nobody.
        let _ = token.run_until_cancelled(task).await;
    });
}
