import AsyncHTTPClient
import Martlet
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The requests of one end of a relay. All ends of a process share one thread.
final class WebClient: Sendable {
    static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let client: HTTPClient
    private let timeout: TimeAmount

    /// - Parameter followsRedirects: whether a request goes where the server says that it should.
    /// - Throws: `MessagingError.Code.invalidArgument` for what can't be done about TLS.
    init(_ options: WebOptions, followsRedirects: Bool = false) throws {
        timeout = TimeAmount(options.timeout)
        var configuration = HTTPClient.Configuration(tlsConfiguration: try TLSConfiguration(client: options.tls))
        configuration.redirectConfiguration =
            followsRedirects ? .follow(max: 5, allowCycles: false) : .disallow
        configuration.timeout.connect = TimeAmount(options.connectTimeout)
        configuration.timeout.read = timeout
        configuration.httpVersion = .http1Only
        client = HTTPClient(eventLoopGroup: Self.group, configuration: configuration)
    }

    deinit {
        // One that was closed says so, which nobody need know.
        client.shutdown { _ in }
    }

    /// Sends a request, and returns when the head of the answer is there.
    ///
    /// - Throws: `MessagingError.Code.notConnected` if the server has not got it, `MessagingError.Code.connectionLost` or
    ///   `MessagingError.Code.timeout` if it may have; `CancellationError`.
    func send(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            return try await client.execute(request, timeout: timeout)
        } catch {
            throw Self.failure(error)
        }
    }

    /// Sends a request, and returns the answer with its body.
    ///
    /// - Parameter limit: how many bytes the body may have; of one that has more nothing is returned.
    func exchange(_ request: HTTPClientRequest, bodyLimit limit: Int) async throws -> WebAnswer {
        let response = try await send(request)
        do {
            let body = try await response.body.collect(upTo: limit)
            return WebAnswer(response, body: Array(body.readableBytesView))
        } catch is NIOTooManyBytesError {
            return WebAnswer(response, body: nil)
        } catch {
            throw Self.failure(error)
        }
    }

    func close() async { try? await client.shutdown() }

    /// What an error of the client's means.
    static func failure(_ error: any Error) -> any Error {
        if error is CancellationError || Task.isCancelled { return CancellationError() }
        switch error {
        case let error as MessagingError: return error
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .tlsHandshakeTimeout, .socksHandshakeTimeout, .httpProxyHandshakeTimeout:
                return MessagingError(.notConnected, "the server could not be connected to in the time allowed")
            case .deadlineExceeded, .readTimeout, .writeTimeout:
                return MessagingError(.timeout, "the server did not answer in the time allowed")
            case .alreadyShutdown: return MessagingError.closed
            default: return MessagingError(.connectionLost, "the request failed", cause: error)
            }
        case is NIOConnectionError, is NIOSSLError, is NIOSSLExtraError:
            return MessagingError(.notConnected, "the server could not be connected to", cause: error)
        default: return MessagingError(.connectionLost, "the request failed", cause: error)
        }
    }
}

/// What a server has answered.
struct WebAnswer {
    let status: Int
    let headers: HTTPHeaders
    /// `nil`: it was larger than what is read of one.
    let body: [UInt8]?

    init(_ response: HTTPClientResponse, body: [UInt8]?) {
        status = Int(response.status.code)
        headers = response.headers
        self.body = body
    }

    /// How long the server wants to be left alone.
    var retryAfter: Duration? {
        headers.first(name: "retry-after").flatMap {
            RetryAfterField.delay(of: $0, at: WallClock.nanoseconds / 1_000_000_000)
        }
    }
}
