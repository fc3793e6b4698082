extension Result where Failure == any Error {
    /// Throws the failure, unless it is that a task was cancelled.
    func ignoringCancellation() throws {
        guard case .failure(let error) = self, !(error is CancellationError) else { return }
        throw error
    }
}
