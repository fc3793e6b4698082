/// One peer in Python, and what it tells.
package struct PythonPeer: Sendable {
    let number: Int
    let peers: PythonPeers

    /// Lets it go on where it waits to be told.
    package func go() async throws { try await peers.tell(number, to: "go") }

    /// The next thing that it tells.
    ///
    /// - Throws: ``ServerError`` if it failed, with the peers' log.
    package func next() async throws -> JSON {
        let event = try await peers.next(of: number)
        if event["event"] == "failed" {
            throw PeerFailure(description: "\(event["error"]?.string ?? "?"). The peers' log:\n\(peers.log)")
        }
        return event
    }

    /// The next event of a kind; others before it are skipped.
    ///
    /// - Throws: as ``next()``, and ``ServerError`` if the peer has ended without it.
    @discardableResult
    package func next(_ kind: String) async throws -> JSON {
        while true {
            let event = try await next()
            if event["event"]?.string == kind { return event }
            if event["event"] == "ended" {
                throw ServerError("The peer ended before it told \(kind). Log:\n\(peers.log)")
            }
        }
    }
}

/// What a peer could not do, because commlib-py threw.
package struct PeerFailure: Error, CustomStringConvertible {
    package let description: String
}
