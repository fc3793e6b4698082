import Martlet

/// How methods are called by way of exchanges and queues: what these are called, and what requests and replies look like.
///
/// Requests are JSON, `{"args": […], "kwargs": {…}}`, in every style.
public enum MethodStyle: Sendable, Hashable {
    /// As baguette-messaging (farine) does: a direct exchange of the service's name, a queue `service__method` for each method,
    /// replies `{"body": …, "__end__": false}` and a last `{"__end__": true}`, so that a method may answer with a stream.
    case farine
    /// As nameko 2 does: the topic exchange `nameko-rpc`, one queue `rpc-service` for all methods, one reply
    /// `{"result": …, "error": …}`.
    case nameko

    /// A queue that requests come by.
    struct Intake {
        let queue: AMQPQueue
        let binding: AMQPBinding
        /// The method that it is for; `nil`: the routing key tells.
        let method: String?
    }

    /// Whether a method may answer with several values.
    var hasStreams: Bool { self == .farine }

    /// The exchange of a service.
    func exchange(of service: String) -> AMQPExchange {
        switch self {
        case .farine: AMQPExchange(service)
        case .nameko: AMQPExchange("nameko-rpc", kind: .topic)
        }
    }

    /// The routing key of a request.
    func key(_ method: String, of service: String) -> String {
        switch self {
        case .farine: "\(service)__\(method)"
        case .nameko: "\(service).\(method)"
        }
    }

    /// The queues by which requests for some methods come.
    func intakes(_ methods: [String], of service: String) -> [Intake] {
        let exchange = exchange(of: service).name
        switch self {
        case .farine:
            return methods.map { method in
                let name = key(method, of: service)
                return Intake(
                    queue: AMQPQueue(name),
                    binding: AMQPBinding(from: exchange, to: name, routingKey: name),
                    method: method
                )
            }
        case .nameko:
            let name = "rpc-\(service)"
            return [
                Intake(
                    queue: AMQPQueue(name),
                    binding: AMQPBinding(from: exchange, to: name, routingKey: "\(service).*"),
                    method: nil
                )
            ]
        }
    }

    /// The method that a request is for, by its routing key.
    func method(ofKey key: String, service: String) -> String {
        let prefix = self.key("", of: service).utf8
        return key.utf8.starts(with: prefix) ? String(Substring(key.utf8.dropFirst(prefix.count))) : key
    }

    // MARK: Replies

    /// What a reply says.
    enum Reply {
        /// A value, and whether it is the last.
        case value(JSON, isLast: Bool)
        /// There are no more.
        case end
        case failure(MessagingError)
    }

    /// The replies for one value of a method.
    func replies(value: JSON, isOnly: Bool) -> [JSON] {
        switch self {
        case .farine: [["body": value, "__end__": false]] + (isOnly ? replyAtEnd : [])
        case .nameko: [["result": value, "error": .null]]
        }
    }

    /// What is replied after the last value of a stream.
    var replyAtEnd: [JSON] { self == .farine ? [["__end__": true]] : [] }

    /// The reply for a failure.
    func reply(failure error: any Error) -> JSON {
        let kind = Self.kind(of: error)
        let text = (error as? MessagingError)?.message ?? "\(error)"
        switch self {
        case .farine: return ["__except__": .string("\(kind): \(text)")]
        case .nameko:
            let path = Self.pythonNames.contains(kind) ? "nameko.exceptions.\(kind)" : kind
            return [
                "result": .null,
                "error": [
                    "exc_type": .string(kind), "exc_path": .string(path), "exc_args": [.string(text)],
                    "value": .string(text),
                ],
            ]
        }
    }

    private static let pythonNames: Set<String> = ["MethodNotFound", "IncorrectSignature", "MalformedRequest"]

    /// What Python calls an error.
    private static func kind(of error: any Error) -> String {
        switch (error as? MessagingError)?.code {
        case .noResponder: "MethodNotFound"
        case .invalidArgument: "IncorrectSignature"
        case .decodingFailed: "MalformedRequest"
        case let code?: code.rawValue
        case nil: String(describing: type(of: error))
        }
    }

    /// Reads a reply.
    ///
    /// - Throws: `MessagingError.Code.decodingFailed` if it is none of this style.
    func read(_ body: [UInt8]) throws -> Reply {
        guard case .object(let members) = try JSON(parsing: body) else { throw Self.isNoReply }
        switch self {
        case .farine:
            if let text = members["__except__"] {
                return .failure(MessagingError(.handlerFailed, text.string ?? "\(text)"))
            }
            if let value = members["body"] { return .value(value, isLast: members["__end__"] == true) }
            guard members["__end__"] == true else { throw Self.isNoReply }
            return .end
        case .nameko:
            if let error = members["error"], error != .null {
                let kind = error["exc_type"]?.string ?? "error"
                let text = error["value"]?.string ?? "\(error)"
                let code: MessagingError.Code =
                    switch kind {
                    case "MethodNotFound": .noResponder
                    case "IncorrectSignature", "MalformedRequest": .invalidArgument
                    default: .handlerFailed
                    }
                return .failure(MessagingError(code, "\(kind): \(text)"))
            }
            guard let value = members["result"] else { throw Self.isNoReply }
            return .value(value, isLast: true)
        }
    }

    private static let isNoReply = MessagingError(.decodingFailed, "what came is no reply of a method")
}
