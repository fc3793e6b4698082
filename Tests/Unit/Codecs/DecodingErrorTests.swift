import Foundation
import Martlet
import Testing

/// What is wrong and where: the error's kind and the path to it.
@Suite struct DecodingErrorTests {
    private struct Outer: Codable {
        var list: [Inner]
        var numbers: [Int8]?
        var table: [String: [Int: Bool]]?
        var date: Date?
        var data: Data?
        var url: URL?
    }

    private struct Inner: Codable {
        var name: String
        var count: UInt8?
    }

    private func failure<Value: Decodable>(_ type: Value.Type, _ text: String) -> (kind: String, path: String) {
        do {
            _ = try JSONCodec().decode(type, from: Array(text.utf8))
            return ("none", "")
        } catch let DecodingError.keyNotFound(key, context) {
            return ("keyNotFound \(key.stringValue)", Self.text(context))
        } catch let DecodingError.valueNotFound(type, context) {
            return ("valueNotFound \(type)", Self.text(context))
        } catch let DecodingError.typeMismatch(type, context) {
            return ("typeMismatch \(type)", Self.text(context))
        } catch let DecodingError.dataCorrupted(context) {
            return ("dataCorrupted", Self.text(context))
        } catch {
            return ("\(error)", "")
        }
    }

    private static func text(_ context: DecodingError.Context) -> String {
        context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }

    @Test(arguments: [
        (#"{}"#, "keyNotFound list", ""),
        (#"{"list":null}"#, "valueNotFound Array<Any>", "list"),
        (#"{"list":{}}"#, "typeMismatch Array<Any>", "list"),
        (#"{"list":[{"name":"a"},{}]}"#, "keyNotFound name", "list.1"),
        (#"{"list":[{"name":"a"},1]}"#, "typeMismatch Dictionary<String, Any>", "list.1"),
        (#"{"list":[{"name":1}]}"#, "typeMismatch String", "list.0.name"),
        (#"{"list":[{"name":"\ud800"}]}"#, "dataCorrupted", "list.0.name"),
        (#"{"list":[{"name":"a","count":256}]}"#, "dataCorrupted", "list.0.count"),
        (#"{"list":[{"name":"a","count":1.5}]}"#, "dataCorrupted", "list.0.count"),
        (#"{"list":[{"name":"a","count":NaN}]}"#, "dataCorrupted", "list.0.count"),
        (#"{"list":[{"name":"a","count":"1"}]}"#, "typeMismatch UInt8", "list.0.count"),
        (#"{"list":[],"numbers":[1,2,300]}"#, "dataCorrupted", "numbers.2"),
        (#"{"list":[],"table":{"a":{"1":true,"2":3}}}"#, "typeMismatch Bool", "table.a.2"),
        (#"{"list":[],"table":{"a":{"x":true}}}"#, "typeMismatch Int", "table.a.x"),
        (#"{"list":[],"date":"x"}"#, "typeMismatch Double", "date"),
        (#"{"list":[],"data":"?"}"#, "dataCorrupted", "data"), (#"{"list":[],"url":5}"#, "typeMismatch String", "url"),
        (#"{"list":[]"#, "dataCorrupted", ""), (#"{"list":[]} x"#, "dataCorrupted", ""),
    ])
    func kindAndPath(text: String, kind: String, path: String) {
        let failure = failure(Outer.self, text)
        #expect(failure == (kind, path))
    }

    @Test func pastTheEndOfAnArray() {
        struct Pair: Decodable {
            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                _ = try container.decode(Int.self)
                _ = try container.decode(Int.self)
            }
        }
        #expect(failure(Pair.self, "[1]") == ("valueNotFound Int", "1"))
        #expect(failure([Pair].self, "[[1]]") == ("valueNotFound Int", "0.1"))
    }

    /// An element that can't be decoded is still there to be decoded as something else.
    @Test func aFailedElementIsNotTaken() throws {
        struct Either: Decodable, Equatable {
            var text: String
            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                text = ""
                while !container.isAtEnd {
                    #expect(throws: DecodingError.self) { try container.decode(Bool.self) }
                    #expect(throws: DecodingError.self) { try container.decode([Int].self) }
                    if try container.decodeNil() { continue }
                    if let word = try? container.decode(String.self) {
                        text += word
                    } else {
                        text += "\(try container.decode(Int.self))"
                    }
                }
            }
        }
        #expect(try JSONCodec().decode(Either.self, from: Array(#"["a",1,null,"b"]"#.utf8)).text == "a1b")
    }

    @Test func encodingErrorsSayWhere() {
        struct Value: Encodable { var list = [["a": [1.0, .infinity]]] }
        do {
            _ = try JSONCodec().encode(Value())
            Issue.record("infinity was encoded")
        } catch EncodingError.invalidValue(_, let context) {
            #expect(context.codingPath.map(\.stringValue) == ["list", "Index 0", "a", "Index 1"])
        } catch {
            Issue.record("\(error)")
        }
    }
}
