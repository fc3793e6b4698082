import Foundation
import Synchronization

/// Slack as its documentation describes it, as far as relays call it: one channel among others, pages the newest first, and a
/// message a second.
final class SlackServer: Sendable {
    /// What becomes of a call instead of an answer.
    enum Trouble: Sendable {
        /// `nil`: it does not say how long.
        case rateLimit(seconds: Int?)
        case notOK(String)
        case status(Int)
        /// Half of the answer; what was asked for has been done.
        case torn
        /// No answer; what was asked for has been done, or not.
        case silence(isDone: Bool)
    }

    struct Posted: Sendable {
        let time: String
        var text: String
        var subtype: String?
        /// As JSON.
        var metadata: String?
        /// More members of it, as JSON.
        var more = ""
        /// Whether it was posted with the token, so that this may delete it.
        var isOwn = false
        var reactions: [String] = []
    }

    private struct State {
        var messages: [Posted] = []
        var last = 1_700_000_000_000_000
        var troubles: [String: [Trouble]] = [:]
        var calls: [String] = []
        var postTimes: [ContinuousClock.Instant] = []
        var pageSize = 200
        /// Whether every second page is refused, as if it had come too early.
        var isSlow = false
        var hasJustAnswered = false
    }

    static let token = "xoxb-s3sam3"
    static let channelID = "C0123456789"

    private let state = Mutex(State())

    var texts: [String] { state.withLock { $0.messages.map(\.text) } }
    var calls: [String] { state.withLock { $0.calls } }
    var postTimes: [ContinuousClock.Instant] { state.withLock { $0.postTimes } }
    /// How many messages a page has at most.
    var pageSize: Int {
        get { state.withLock { $0.pageSize } }
        set { state.withLock { $0.pageSize = newValue } }
    }

    /// Whether no two pages are to be had one after the other: the second is refused, and is to be asked for again.
    var isSlow: Bool {
        get { state.withLock { $0.isSlow } }
        set { state.withLock { $0.isSlow = newValue } }
    }
    /// The reactions to a message, by its text.
    func reactions(to text: String) -> [String] {
        state.withLock { $0.messages.first { $0.text == text }?.reactions ?? [] }
    }

    /// The next calls of a method go wrong.
    func expect(_ troubles: [Trouble], of method: String) {
        state.withLock { $0.troubles[method, default: []] += troubles }
    }

    /// Somebody writes.
    @discardableResult
    func write(
        _ text: String,
        subtype: String? = nil,
        metadata: String? = nil,
        more: String = "",
        isOwn: Bool = false
    ) -> String {
        state.withLock { state in
            state.last += 1_000_001
            let digits = "\(state.last)"
            let time = "\(digits.dropLast(6)).\(digits.suffix(6))"
            state.messages.append(
                Posted(time: time, text: text, subtype: subtype, metadata: metadata, more: more, isOwn: isOwn)
            )
            return time
        }
    }

    /// Somebody changes what was written: its time stays.
    func edit(_ time: String, to text: String) {
        change(time) { message in
            message.text = text
            message.more = #","edited":{"user":"U1","ts":"\#(time)"}"#
        }
    }

    /// Somebody deletes a message. One with replies stays, as something else.
    func delete(_ time: String, hasReplies: Bool = false) {
        guard hasReplies else { return state.withLock { $0.messages.removeAll { $0.time == time } } }
        change(time) { message in
            message.text = "This message was deleted."
            message.subtype = "tombstone"
            message.more = #","hidden":true,"reply_count":2"#
        }
    }

    private func change(_ time: String, _ body: (inout Posted) -> Void) {
        state.withLock { state in
            for index in state.messages.indices where state.messages[index].time == time {
                body(&state.messages[index])
            }
        }
    }

    func withServer<Result: Sendable>(
        _ body: @escaping @Sendable (_ base: String) async throws -> Result
    ) async throws -> Result {
        try await WebServer.withServer(serve) { try await body($0.url + "/api") }
    }

    @Sendable private func serve(_ request: WebRequest, _ reply: WebReply) async throws {
        let method = String(request.path.split(separator: "/").last ?? "")
        let trouble: Trouble? = state.withLock { state in
            state.calls.append(method)
            if let first = state.troubles[method]?.first {
                state.troubles[method]?.removeFirst()
                return first
            }
            guard state.isSlow, method.hasPrefix("conversations.") else { return nil }
            state.hasJustAnswered.toggle()
            return state.hasJustAnswered ? nil : .rateLimit(seconds: 0)
        }
        guard request.headers["authorization"] == "Bearer \(Self.token)" else {
            return try await answer(reply, #"{"ok":false,"error":"invalid_auth"}"#)
        }
        switch trouble {
        case nil: try await answer(reply, result(of: method, request))
        case .rateLimit(let seconds?):
            try await reply.answer(429, #"{"ok":false,"error":"ratelimited"}"#, ["Retry-After": "\(seconds)"])
        case .rateLimit(nil): try await reply.answer(429, #"{"ok":false,"error":"ratelimited"}"#)
        case .notOK(let code): try await answer(reply, #"{"ok":false,"error":"\#(code)"}"#)
        case .status(let status): try await reply.answer(status, "<html>")
        case .torn:
            let text = result(of: method, request)
            try await answer(reply, String(text.prefix(text.count / 2)))
        case .silence(let isDone):
            if isDone { _ = result(of: method, request) }
            throw HangUp()
        }
    }

    private func answer(_ reply: WebReply, _ text: String) async throws {
        try await reply.answer(200, text, ["content-type": "application/json; charset=utf-8"])
    }

    private func result(of method: String, _ request: WebRequest) -> String {
        switch method {
        case "conversations.list":
            return request.form["cursor"] == "next"
                ? #"{"ok":true,"channels":[{"id":"\#(Self.channelID)","name":"metrics"}],"response_metadata":{"next_cursor":""}}"#
                : #"{"ok":true,"channels":[{"id":"C9999999999","name":"general"}],"response_metadata":{"next_cursor":"next"}}"#
        case "conversations.history": return history(request.form)
        case "chat.postMessage": return post(request)
        case "chat.delete": return delete(request)
        case "reactions.add": return react(request)
        default: return #"{"ok":false,"error":"unknown_method"}"#
        }
    }

    private func history(_ form: [String: String]) -> String {
        guard form["channel"] == Self.channelID else { return #"{"ok":false,"error":"channel_not_found"}"# }
        return state.withLock { state in
            let oldest = Double(form["oldest"] ?? "0") ?? 0
            var messages = Array(state.messages.filter { Double($0.time) ?? 0 > oldest }.reversed())
            // The cursor is the time behind which the page begins.
            if let cursor = form["cursor"] { messages = messages.filter { $0.time < cursor } }
            let limit = min(state.pageSize, form["limit"].flatMap { Int($0) } ?? 100)
            let page = messages.prefix(limit)
            let list = page.map { message in
                var fields = #""type":"message","ts":"\#(message.time)","text":\#(Self.quoted(message.text))"#
                fields += message.more
                if let subtype = message.subtype { fields += #","subtype":"\#(subtype)""# }
                if let metadata = message.metadata, form["include_all_metadata"] == "true" {
                    fields += #","metadata":\#(metadata)"#
                }
                return "{\(fields)}"
            }
            let isMore = page.count < messages.count
            let next = isMore ? page.last?.time ?? "" : ""
            return
                #"{"ok":true,"messages":[\#(list.joined(separator: ","))],"has_more":\#(isMore),"response_metadata":{"next_cursor":"\#(next)"}}"#
        }
    }

    private func post(_ request: WebRequest) -> String {
        guard let object = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any],
            let text = object["text"] as? String, object["channel"] as? String == "#metrics"
        else { return #"{"ok":false,"error":"channel_not_found"}"# }
        state.withLock { $0.postTimes.append(.now) }
        let metadata = object["metadata"].flatMap { try? JSONSerialization.data(withJSONObject: $0) }
        let time = write(text, metadata: metadata.map { String(decoding: $0, as: UTF8.self) }, isOwn: true)
        return #"{"ok":true,"channel":"\#(Self.channelID)","ts":"\#(time)"}"#
    }

    private func arguments(_ request: WebRequest) -> [String: String] {
        (try? JSONSerialization.jsonObject(with: Data(request.body))) as? [String: String] ?? [:]
    }

    private func delete(_ request: WebRequest) -> String {
        let time = arguments(request)["ts"] ?? ""
        return state.withLock { state in
            guard let index = state.messages.firstIndex(where: { $0.time == time }) else {
                return #"{"ok":false,"error":"message_not_found"}"#
            }
            guard state.messages[index].isOwn else { return #"{"ok":false,"error":"cant_delete_message"}"# }
            state.messages.remove(at: index)
            return #"{"ok":true,"channel":"\#(Self.channelID)","ts":"\#(time)"}"#
        }
    }

    private func react(_ request: WebRequest) -> String {
        let (time, name) = (arguments(request)["timestamp"] ?? "", arguments(request)["name"] ?? "")
        return state.withLock { state in
            guard let index = state.messages.firstIndex(where: { $0.time == time }) else {
                return #"{"ok":false,"error":"message_not_found"}"#
            }
            guard !state.messages[index].reactions.contains(name) else {
                return #"{"ok":false,"error":"already_reacted"}"#
            }
            state.messages[index].reactions.append(name)
            return #"{"ok":true}"#
        }
    }

    private static func quoted(_ text: String) -> String {
        String(decoding: (try? JSONEncoder().encode(text)) ?? Data(), as: UTF8.self)
    }
}
