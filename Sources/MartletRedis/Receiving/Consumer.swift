import Martlet
import MartletTransport

/// An element on its way back to the queue.
struct ReturningElement {
    /// Its place in the order in which elements came from the queue.
    let tag: UInt64
    /// As it is held, and as it is given back.
    let held: [UInt8]
    let back: [UInt8]
}

/// One consumer of a queue, as its session keeps it.
///
/// An object, so that what it holds is changed in place; it lives on the session's loop and nowhere else.
final class Consumer {
    /// How many moves may be asked for ahead: more would only lie at the server.
    static let maximumMoves = 128

    struct Held {
        /// As it is in the list.
        let element: [UInt8]
        let bytes: Int
    }

    let number: Int
    /// What it is called at the server: no other consumer ever is.
    let id: String
    let keys: QueueKeys
    let prefetch: Int
    let inbox: Inbox<Delivery>
    /// For what comes by the present link.
    var settler: ConsumerSettler
    /// What was delivered and not settled.
    private(set) var held: [UInt64: Held] = [:]
    /// How many bytes the messages have that were made of it, and with how many no more are asked for.
    private var heldBytes = 0
    private let maximumBytes: Int
    /// Moves that were asked for and not yet answered.
    var moves = 0
    /// What is being given back, or buried: until that is done it takes up room, lest the next is taken before it.
    var returning = 0
    /// How much of what was told about its elements the server has not answered, or has refused.
    var untold = 0
    /// What goes back a moment later, with what follows. It counts as returning already.
    var deferred: [ReturningElement] = []
    /// What was given back lately, and its place: what follows goes behind it.
    private var givenBack: [(tag: UInt64, element: [UInt8])] = []
    private static let maximumGivenBack = 256
    /// The places of those that came a second time: what is given back may come to the one who gave it.
    private var places: [UInt64: UInt64] = [:]
    /// Whether the server refuses to move elements at present, and is to be asked again a while later.
    var isResting = false
    /// How long it rests, as long as no element comes.
    var pace = Pace()
    /// How often nodes of a cluster have named another one since an element came.
    var redirections = 0
    /// How often its socket was asked whether the server is there and has not answered: so many replies come before any element. A
    /// server that is slow is asked more than once.
    var awaitedPongs = 0
    /// Whether it could not begin on the present link, for a reason that passes.
    var isToStart = false
    /// For what comes by which link it is being looked after.
    var tendedFor: ConsumerSettler?
    /// What it held by links that are lost, and that was delivered.
    var lostHoldings: Set<[UInt8]> = []
    /// Whether it takes no more.
    var isLeaving = false
    /// Whether the server has yet to tell what it moved for one that leaves.
    var awaitsUnseen = false
    private var lastTag: UInt64 = 0

    init(
        number: Int,
        id: String,
        keys: QueueKeys,
        prefetch: Int,
        maximumBytes: Int,
        inbox: Inbox<Delivery>,
        settler: ConsumerSettler
    ) {
        self.maximumBytes = maximumBytes
        self.number = number
        self.id = id
        self.keys = keys
        self.prefetch = prefetch
        self.inbox = inbox
        self.settler = settler
    }

    /// The list of what it holds.
    var list: [UInt8] { keys.held(by: id) }

    /// How many more moves are to be asked for.
    var room: Int { isLeaving || isResting ? 0 : roomWhileResting }

    /// Whether it holds as many bytes as it may.
    var isFull: Bool { heldBytes >= maximumBytes }

    /// How many are to be moved where none can be asked for ahead.
    var roomWhileResting: Int {
        if isFull { return 0 }
        return max(0, min(prefetch - held.count - returning, Self.maximumMoves) - moves)
    }

    /// An element has come.
    ///
    /// - Parameter bytes: how many the message has that was made of it.
    func hold(_ element: [UInt8], bytes: Int) -> UInt64 {
        lastTag += 1
        held[lastTag] = Held(element: element, bytes: bytes)
        heldBytes += bytes
        if let place = earlierPlace(of: element) { places[lastTag] = place }
        return lastTag
    }

    /// An element is held no more.
    ///
    /// - Returns: it, and its place in the order in which elements came from the queue.
    func release(_ tag: UInt64) -> (element: [UInt8], place: UInt64)? {
        guard let held = held.removeValue(forKey: tag) else { return nil }
        heldBytes -= held.bytes
        return (held.element, places.removeValue(forKey: tag) ?? tag)
    }

    /// The place of an element that has come to the server's list and not here.
    func placeOfUnseen(_ element: [UInt8]) -> UInt64 {
        lastTag += 1
        return earlierPlace(of: element) ?? lastTag
    }

    private func earlierPlace(of element: [UInt8]) -> UInt64? {
        guard let index = givenBack.lastIndex(where: { $0.tag <= lastTag && $0.element == element }) else { return nil }
        return givenBack.remove(at: index).tag
    }

    /// An element is being given back.
    ///
    /// - Returns: behind which one it goes, if that still lies among the first so many.
    func giveBack(_ element: [UInt8], tag: UInt64) -> (after: [UInt8], depth: Int) {
        let before = givenBack.filter { $0.tag < tag }.max { $0.tag < $1.tag }
        givenBack.append((tag, element))
        if givenBack.count > Self.maximumGivenBack { givenBack.removeFirst() }
        return (before?.element ?? [], givenBack.count)
    }

    /// The link is lost: the server knows of no moves any more, and gives back what was held.
    func linkLost() {
        held.removeAll()
        heldBytes = 0
        moves = 0
        returning = 0
        untold = 0
        isResting = false
        redirections = 0
        awaitedPongs = 0
        givenBack.removeAll()
        places.removeAll()
        awaitsUnseen = false
        deferred.removeAll()
    }
}
