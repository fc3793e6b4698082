extension Headers.Standard {
    /// Of a request for a goal: within how many milliseconds it has to begin.
    public static let goalAcceptBy = "goal-accept-by"
    /// Of a request for a goal: within how many milliseconds it has to end.
    public static let goalDeadline = "goal-deadline"
    /// Of replies about a goal: after how many milliseconds without a question its server cancels it.
    public static let goalLease = "goal-lease"
    /// Of a reply about a goal that ended without success: the code of the reason.
    public static let goalErrorCode = "goal-error-code"
    /// Of a reply about a goal that ended without success: the reason in words.
    public static let goalErrorMessage = "goal-error-message"
}

extension Headers {
    var goalID: GoalID? {
        get { self[Standard.goalID]?.string.map { GoalID($0) } }
        set { self[Standard.goalID] = newValue.map { .string($0.text) } }
    }

    var goalAcceptBy: Duration? {
        get { milliseconds(Standard.goalAcceptBy) }
        set { setMilliseconds(Standard.goalAcceptBy, newValue) }
    }

    var goalDeadline: Duration? {
        get { milliseconds(Standard.goalDeadline) }
        set { setMilliseconds(Standard.goalDeadline, newValue) }
    }

    var goalLease: Duration? {
        get { milliseconds(Standard.goalLease) }
        set { setMilliseconds(Standard.goalLease, newValue) }
    }

    /// Why a goal did not succeed. Not in the headers of an RPC's error: asking about it did succeed.
    var goalError: MessagingError? {
        get {
            guard let code = self[Standard.goalErrorCode]?.string else { return nil }
            return MessagingError(
                MessagingError.Code(rawValue: code),
                self[Standard.goalErrorMessage]?.string ?? "the server gave no reason"
            )
        }
        set {
            self[Standard.goalErrorCode] = newValue.map { .string($0.code.rawValue) }
            self[Standard.goalErrorMessage] = newValue.map { .string($0.message) }
        }
    }

    /// As ``timeout``: relative, and absent where it makes no sense.
    private func milliseconds(_ name: String) -> Duration? {
        guard let value = self[name]?.integer, value > 0, value < 3_155_760_000_000 else { return nil }
        return .milliseconds(value)
    }

    private mutating func setMilliseconds(_ name: String, _ value: Duration?) {
        self[name] = value.map { .integer(Swift.max(1, $0.wholeMilliseconds)) }
    }
}
