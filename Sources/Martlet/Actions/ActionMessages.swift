// The bodies of an action's messages, as commlib-py 0.13 writes and reads them.

/// What `<action>.send_goal` is asked.
struct SendGoalRequest<Goal: Codable & Sendable>: Codable, Sendable {
    enum CodingKeys: String, CodingKey {
        case description
        case goal = "goal_data"
    }

    var description = ""
    let goal: Goal

    init(_ goal: Goal) {
        self.goal = goal
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        description = (try? container.decode(String.self, forKey: .description)) ?? ""
        goal = try container.decode(Goal.self, forKey: .goal)
    }
}

/// What `<action>.send_goal` answers.
struct SendGoalReply: Codable, Sendable {
    enum CodingKeys: String, CodingKey {
        case status, timestamp, error
        case goalID = "goal_id"
    }

    /// 1: taken on, 0: rejected.
    let status: Int
    /// Always -1 there.
    var timestamp = -1
    let goalID: String
    let error: String

    init(accepted id: GoalID) {
        (status, goalID, error) = (1, id.text, "")
    }

    init(rejected error: MessagingError) {
        (status, goalID, self.error) = (0, "", error.message)
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        status = try container.integer(forKey: .status)
        goalID = (try? container.decode(String.self, forKey: .goalID)) ?? ""
        error = (try? container.decode(String.self, forKey: .error)) ?? ""
    }
}

/// What `<action>.cancel_goal` and `<action>.get_result` are asked.
struct GoalRequest: Codable, Sendable {
    enum CodingKeys: String, CodingKey {
        case timestamp
        case goalID = "goal_id"
    }

    let goalID: String
    /// Nanoseconds since 1970, of a cancellation only.
    var timestamp: Int64?

    init(_ id: GoalID, timestamp: Int64? = nil) {
        goalID = id.text
        self.timestamp = timestamp
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        goalID = try container.decode(String.self, forKey: .goalID)
        timestamp = try? container.decode(Int64.self, forKey: .timestamp)
    }
}

/// `{}`, where there is no result.
struct NoResult: Codable, Sendable {}

/// A result of whatever type, for who wants to know only that there is one.
struct AnyResult: Codable, Sendable {
    init(from decoder: any Decoder) {}
    func encode(to encoder: any Encoder) {}
}

/// What `<action>.cancel_goal` answers.
struct CancelGoalReply: Codable, Sendable {
    /// 1: the goal is being cancelled, 0: it can't be.
    let status: Int
    var timestamp = WallClock.nanoseconds
    var result = NoResult()
    let error: String

    enum CodingKeys: CodingKey {
        case status, timestamp, result, error
    }

    init(error: String?) {
        status = error == nil ? 1 : 0
        self.error = error ?? ""
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        status = try container.integer(forKey: .status)
        error = (try? container.decode(String.self, forKey: .error)) ?? ""
    }
}

/// What `<action>.get_result` answers.
struct GetResultReply<Output: Codable & Sendable>: Codable, Sendable {
    enum CodingKeys: CodingKey {
        case status, timestamp, result, error
    }

    /// `nil`, on the wire 0: the goal is not known.
    let status: GoalStatus?
    let result: Output?
    let error: String
    /// Whether the goal has succeeded, and its result is `{}`, which is none: a Python server says for a moment that it has
    /// the result before it does.
    var lacksResult = false

    init(status: GoalStatus?, result: Output? = nil, error: String = "") {
        self.status = status
        self.result = result
        self.error = error
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        status = try GoalStatus(rawValue: container.integer(forKey: .status))
        error = (try? container.decode(String.self, forKey: .error)) ?? ""
        switch status {
        case .succeeded:
            do {
                result = try container.decode(Output.self, forKey: .result)
            } catch {
                let members = try? container.decode([String: AnyResult].self, forKey: .result)
                guard members?.isEmpty ?? false else { throw error }
                result = nil
                lacksResult = true
            }
        // `{}` unless the handler returned a result all the same.
        case .canceled: result = try? container.decode(Output.self, forKey: .result)
        default: result = nil
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(status?.rawValue ?? 0, forKey: .status)
        try container.encode(-1, forKey: .timestamp)
        if let result {
            try container.encode(result, forKey: .result)
        } else {
            try container.encode(NoResult(), forKey: .result)
        }
        try container.encode(error, forKey: .error)
    }
}

/// What is published on `<action>.status`.
struct StatusMessage: Codable, Sendable {
    enum CodingKeys: String, CodingKey {
        case status
        case goalID = "goal_id"
    }

    let goalID: String
    let status: Int

    init(_ id: GoalID, _ status: GoalStatus) {
        goalID = id.text
        self.status = status.rawValue
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        goalID = try container.decode(String.self, forKey: .goalID)
        status = try container.integer(forKey: .status)
    }
}

/// What is published on `<action>.feedback`.
struct FeedbackMessage<Feedback: Codable & Sendable>: Codable, Sendable {
    enum CodingKeys: String, CodingKey {
        case feedback = "feedback_data"
        case goalID = "goal_id"
    }

    let feedback: Feedback
    let goalID: String
}

extension KeyedDecodingContainer {
    /// A whole number, also where a Python peer's serializer made text of its enumeration.
    fileprivate func integer(forKey key: Key) throws -> Int {
        if let number = try? decode(Int.self, forKey: key) { return number }
        let text = try decode(String.self, forKey: key)
        guard let number = Int(text) else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "it is no whole number")
        }
        return number
    }
}
