import Martlet

/// A method that answers with one value.
///
/// ```swift
/// Method("add") { (pair: Pair) in Sum(c: pair.a + pair.b) }
/// ```
public struct Method: Sendable {
    let served: ServedMethod

    /// A method.
    ///
    /// - Parameters:
    ///   - name: what it is called.
    ///   - handler: is called for each request. What it throws is the reply's error.
    public init<Arguments: Decodable & Sendable, Result: Encodable & Sendable>(
        _ name: String,
        handler: @escaping @Sendable (Arguments) async throws -> Result
    ) {
        served = ServedMethod(name: name, isStream: false) { arguments, reply in
            let result = try await handler(arguments.value())
            try await reply(JSON(encoding: result))
        }
    }

    /// A method whose result is nothing, `null`.
    ///
    /// - Parameters:
    ///   - name: what it is called.
    ///   - handler: is called for each request.
    public init<Arguments: Decodable & Sendable>(
        _ name: String,
        handler: @escaping @Sendable (Arguments) async throws -> Void
    ) {
        served = ServedMethod(name: name, isStream: false) { arguments, reply in
            try await handler(arguments.value())
            try await reply(.null)
        }
    }
}

/// A method that answers with any number of values. Only for styles that have such.
///
/// ```swift
/// StreamMethod("letters") { (_: NoArguments, send) in
///     for letter in ["a", "b"] { try await send(letter) }
/// }
/// ```
public struct StreamMethod: Sendable {
    let served: ServedMethod

    /// A method.
    ///
    /// - Parameters:
    ///   - name: what it is called.
    ///   - handler: is called for each request, with a function that sends a value. That waits for the broker.
    public init<Arguments: Decodable & Sendable, Value: Encodable & Sendable>(
        _ name: String,
        handler:
            @escaping @Sendable (Arguments, _ send: @escaping @Sendable (Value) async throws -> Void) async throws ->
            Void
    ) {
        served = ServedMethod(name: name, isStream: true) { arguments, reply in
            try await handler(arguments.value()) { value in try await reply(JSON(encoding: value)) }
        }
    }
}

/// A method, whatever its types.
public struct ServedMethod: Sendable {
    typealias Reply = @Sendable (JSON) async throws -> Void

    let name: String
    let isStream: Bool
    let run: @Sendable (MethodArguments, @escaping Reply) async throws -> Void
}

/// Makes a list of methods.
@resultBuilder public enum MethodBuilder {
    /// A method.
    public static func buildExpression(_ method: Method) -> [ServedMethod] { [method.served] }
    /// A method.
    public static func buildExpression(_ method: StreamMethod) -> [ServedMethod] { [method.served] }
    /// Methods that were made before.
    public static func buildExpression(_ methods: [ServedMethod]) -> [ServedMethod] { methods }
    /// Several.
    public static func buildBlock(_ methods: [ServedMethod]...) -> [ServedMethod] { methods.flatMap(\.self) }
    /// Some of them, perhaps.
    public static func buildOptional(_ methods: [ServedMethod]?) -> [ServedMethod] { methods ?? [] }
    /// Some of them or others.
    public static func buildEither(first methods: [ServedMethod]) -> [ServedMethod] { methods }
    /// Some of them or others.
    public static func buildEither(second methods: [ServedMethod]) -> [ServedMethod] { methods }
    /// As many as there are.
    public static func buildArray(_ methods: [[ServedMethod]]) -> [ServedMethod] { methods.flatMap(\.self) }
}
