import Synchronization

/// The rows of a query, one by one; see ``SQLSession/withRows(_:as:_:)``. One loop reads them, once.
public struct SQLRows<Row: Decodable & Sendable>: AsyncSequence, Sendable {
    /// A row of the query.
    public typealias Element = Row

    let feed: RowFeed

    /// Goes on where the last loop ended.
    public func makeAsyncIterator() -> Iterator { Iterator(feed: feed) }

    /// Takes the rows.
    public struct Iterator: AsyncIteratorProtocol {
        let feed: RowFeed

        /// The next row; `nil` when there are no more.
        ///
        /// - Throws: as ``SQLSession/rows(_:as:)``; ``SQLError/Code/misuse`` after the body that the rows were given to.
        public mutating func next() async throws -> Row? { try await feed.next()?.decode() }
    }
}

/// The rows that have been fetched and not yet taken.
final class RowFeed: Sendable {
    private struct State {
        var fetched: ArraySlice<[SQLValue]> = []
        var isAtEnd = false
        var isClosed = false
    }

    private let link: any SQLLink
    private let columns: SQLColumns
    private let state = Mutex(State())

    init(_ link: any SQLLink, _ columns: SQLColumns) {
        self.link = link
        self.columns = columns
    }

    func next() async throws -> SQLRow? {
        while true {
            let (row, mayFetch): ([SQLValue]?, Bool) = try state.withLock { state in
                if state.isClosed { throw SQLError(.misuse, "rows were read after the body that they were given to") }
                return (state.fetched.popFirst(), !state.isAtEnd)
            }
            if let row { return SQLRow(columns, row) }
            guard mayFetch else { return nil }
            let rows = try await link.nextRows()
            state.withLock { state in
                state.fetched += rows
                state.isAtEnd = rows.isEmpty
            }
        }
    }

    func close() { state.withLock { $0.isClosed = true } }
}
