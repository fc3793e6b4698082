import Martlet

/// The arguments of a method that has none.
public struct NoArguments: Codable, Sendable, Hashable {
    /// None.
    public init() {}
}

/// The arguments of a request: those in order, and those by name.
struct MethodArguments {
    var ordered: [JSON] = []
    var named: [String: JSON] = [:]

    init(ordered: [JSON] = [], named: [String: JSON] = [:]) {
        self.ordered = ordered
        self.named = named
    }

    /// Reads a request.
    ///
    /// - Throws: `MessagingError.Code.decodingFailed` if it is none.
    init(request body: [UInt8]) throws {
        guard case .object(let members) = try JSON(parsing: body) else {
            throw MessagingError(.decodingFailed, "a request is an object with args and kwargs")
        }
        switch members["args"] {
        case .array(let values)?: ordered = values
        case nil, .null?: break
        default: throw MessagingError(.decodingFailed, "the args of a request are a list")
        }
        switch members["kwargs"] {
        case .object(let values)?: named = values
        case nil, .null?: break
        default: throw MessagingError(.decodingFailed, "the kwargs of a request are an object")
        }
    }

    /// The request for them.
    var request: [UInt8] {
        let request: JSON = ["args": .array(ordered), "kwargs": .object(named)]
        return request.bytes
    }

    /// A value whose members they are: those by name have it, those in order are the members in the order in which the value
    /// asks for them, which is that of their declaration where the compiler has written its `init(from:)`.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` for one that is missing, of another type, or not known.
    func value<Value: Decodable>(as _: Value.Type = Value.self) throws -> Value {
        let decoder = ArgumentsDecoder(self)
        do {
            let value = try Value(from: decoder)
            try decoder.finish()
            return value
        } catch let error as DecodingError {
            throw MessagingError(.invalidArgument, Self.text(of: error))
        } catch let error as MessagingError {
            throw MessagingError(.invalidArgument, error.message)
        }
    }

    private static func text(of error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "the argument \(quoted(key.stringValue)) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            (context.codingPath.first.map { "the argument \(quoted($0.stringValue)): " } ?? "")
                + context.debugDescription
        @unknown default: "\(error)"
        }
    }
}

/// Hands arguments out as members.
private final class ArgumentsDecoder: Decoder {
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]
    private let arguments: MethodArguments
    /// Those in order that a member has been given.
    private var given: [String: JSON] = [:]
    private var read: Set<String> = []

    init(_ arguments: MethodArguments) {
        self.arguments = arguments
    }

    var names: [String] { Array(arguments.named.keys) + Array(given.keys) }

    /// The argument for a member; it gets the next of those in order, if there is none of its name.
    func argument(_ name: String) -> JSON? {
        if let value = arguments.named[name] {
            read.insert(name)
            return value
        }
        if let value = given[name] { return value }
        guard given.count < arguments.ordered.count else { return nil }
        let value = arguments.ordered[given.count]
        given[name] = value
        return value
    }

    /// Throws for arguments that no member is for.
    func finish() throws {
        if given.count < arguments.ordered.count {
            throw MessagingError(
                .invalidArgument,
                "there are \(arguments.ordered.count) arguments in order, where at most \(given.count) are known"
            )
        }
        if let name = arguments.named.keys.filter({ !read.contains($0) }).min() {
            throw MessagingError(.invalidArgument, "there is no argument \(quoted(name))")
        }
    }

    func container<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Members<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Self.needsMembers }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw Self.needsMembers }

    private static let needsMembers = MessagingError(
        .invalidArgument,
        "arguments are read by a type with a member for each"
    )

    private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: ArgumentsDecoder
        var codingPath: [any CodingKey] { [] }
        var allKeys: [Key] { decoder.names.compactMap(Key.init(stringValue:)) }

        func contains(_ key: Key) -> Bool { decoder.argument(key.stringValue) != nil }

        func decodeNil(forKey key: Key) -> Bool { decoder.argument(key.stringValue) == .null }

        func decode<Value: Decodable>(_: Value.Type, forKey key: Key) throws -> Value {
            guard let argument = decoder.argument(key.stringValue) else {
                throw DecodingError.keyNotFound(key, .init(codingPath: [], debugDescription: "it is missing"))
            }
            do {
                return try argument.value(as: Value.self)
            } catch let error as MessagingError {
                throw DecodingError.dataCorrupted(.init(codingPath: [key], debugDescription: error.message))
            }
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy _: Nested.Type,
            forKey _: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            throw ArgumentsDecoder.needsMembers
        }

        func nestedUnkeyedContainer(forKey _: Key) throws -> any UnkeyedDecodingContainer {
            throw ArgumentsDecoder.needsMembers
        }

        func superDecoder() throws -> any Decoder { throw ArgumentsDecoder.needsMembers }

        func superDecoder(forKey _: Key) throws -> any Decoder { throw ArgumentsDecoder.needsMembers }
    }
}
