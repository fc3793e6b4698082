import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// Arguments in order and by name become the members of a value.
@Suite struct MethodArgumentsTests {
    struct Two: Codable, Hashable, Sendable {
        var name: String
        var count: Int
        var note: String?
    }

    private func value<Value: Decodable>(_ request: String, as _: Value.Type = Value.self) throws -> Value {
        try MethodArguments(request: Array(request.utf8)).value(as: Value.self)
    }

    @Test(arguments: [
        #"{"args": [], "kwargs": {"name": "a", "count": 1}}"#, #"{"args": ["a", 1]}"#,
        #"{"args": ["a"], "kwargs": {"count": 1}}"#,
        #"{"args": [1], "kwargs": {"name": "a"}}"#, #"{"args": ["a", 1, null], "kwargs": null}"#,
        #"{"kwargs": {"name": "a", "count": 1, "note": null}, "other": 3}"#,
    ])
    func membersAreFound(request: String) throws {
        #expect(try value(request) == Two(name: "a", count: 1))
    }

    @Test func anOptionalOneMayBeThere() throws {
        #expect(try value(#"{"args": ["a", 1, "n"]}"#) == Two(name: "a", count: 1, note: "n"))
        #expect(
            try value(#"{"args": ["a"], "kwargs": {"note": "n", "count": 1}}"#) == Two(name: "a", count: 1, note: "n")
        )
        _ = try value("{}", as: NoArguments.self)
    }

    @Test(arguments: [
        (#"{"args": ["a"]}"#, "\"count\" is missing"), (#"{"args": ["a", "b"]}"#, "\"count\""),
        (#"{"args": ["a", 1, "n", 4]}"#, "4 arguments in order"),
        (#"{"args": ["a", 1], "kwargs": {"colour": 1}}"#, "no argument \"colour\""),
        (#"{"args": ["a", 1], "kwargs": {"name": "b"}}"#, ""),
    ])
    func whatDoesNotFitIsToldByName(request: String, problem: String) async throws {
        let error = #expect(throws: MessagingError.self) { try value(request, as: Two.self) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(problem) ?? false, "\(error?.message ?? "")")
    }

    @Test(arguments: ["", "[]", "1", #"{"args": 1}"#, #"{"kwargs": []}"#, #"{"args": {}}"#, "{", "\u{0}"])
    func whatIsNoRequestIsRefused(request: String) async {
        #expect(await errorCode { _ = try value(request, as: Two.self) } == .decodingFailed)
    }

    @Test func argumentsAreReadByMembersAlone() async {
        #expect(await errorCode { _ = try value(#"{"args": [1]}"#, as: Int.self) } == .invalidArgument)
        #expect(await errorCode { _ = try value(#"{"args": [1]}"#, as: [Int].self) } == .invalidArgument)
    }

    // MARK: Replies

    @Test(arguments: [
        "", "[]", "{}", #"{"__end__": false}"#, #"{"result": 1}"#, "7", #"{"body"}"#,
    ])
    func whatIsNoReplyOfFarineIsRefused(text: String) async {
        #expect(await errorCode { _ = try MethodStyle.farine.read(Array(text.utf8)) } == .decodingFailed)
    }

    @Test func errorsOfNamekoKeepTheirKind() throws {
        func code(_ text: String) throws -> MessagingError.Code? {
            guard case .failure(let error) = try MethodStyle.nameko.read(Array(text.utf8)) else { return nil }
            return error.code
        }
        let members = #""exc_path": "x", "exc_args": ["v"], "value": "v""#
        #expect(try code(#"{"result": null, "error": {"exc_type": "MethodNotFound", \#(members)}}"#) == .noResponder)
        #expect(
            try code(#"{"result": null, "error": {"exc_type": "IncorrectSignature", \#(members)}}"#) == .invalidArgument
        )
        #expect(try code(#"{"result": null, "error": {"exc_type": "ValueError", \#(members)}}"#) == .handlerFailed)
        #expect(try code(#"{"result": null, "error": "odd"}"#) == .handlerFailed)
        #expect(try code(#"{"result": 0, "error": null}"#) == nil)
    }
}
