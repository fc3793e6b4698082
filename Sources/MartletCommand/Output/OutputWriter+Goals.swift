import Martlet

extension OutputWriter {
    /// Writes what a goal reports on its way.
    func write(feedback: JSON) throws {
        if isForPeople {
            try writeLine("feedback", text(of: feedback.bytes))
        } else {
            var object = JSONObject()
            object.add("feedback", json: feedback.bytes)
            object.add("time", string: Moment().timestamp)
            try write(object)
        }
    }

    /// Writes how a goal ended.
    func write(_ outcome: GoalOutcome<JSON>) throws {
        var result: JSON?
        var failure: MessagingError?
        switch outcome {
        case .succeeded(let value): result = value
        case .canceled(let value, let error): (result, failure) = (value, error)
        case .aborted(let error): failure = error
        }
        if isForPeople {
            let status =
                switch outcome {
                case .succeeded: style.good("succeeded")
                case .canceled: style.doubtful("canceled")
                case .aborted: style.failure("aborted")
                }
            let rest = result.map { text(of: $0.bytes) } ?? failure.map { $0.description.printableLines } ?? ""
            try writeLine("status", "\(status)  \(rest)")
        } else {
            var object = JSONObject()
            object.add("status", string: "\(outcome.status)")
            if let result { object.add("result", json: result.bytes) }
            if let failure {
                var error = JSONObject()
                error.add("code", string: failure.code.rawValue)
                error.add("message", string: failure.message)
                object.add("error", json: error.bytes)
            }
            object.add("time", string: Moment().timestamp)
            try write(object)
        }
    }
}
