import CMosquitto
import Martlet
import MartletMQTTWire
import MartletTransport
import Synchronization

/// The subscriptions of a session: what the broker is told of them and answers, and what comes by them. It belongs to the
/// session's loop.
final class Subscriptions {
    /// What the broker has yet to answer.
    private enum Question {
        /// A SUBSCRIBE, on behalf of those who wait; of nobody, if the filter was subscribed to before.
        case subscribe(SubscriptionTable<Receiver>.Ask, [Promise<CInt>])
        case unsubscribe(text: String)
        /// One that tells that all has come that was sent before.
        case copies(number: Int)
    }

    private let options: MQTTOptions
    private let runtime: ConnectionRuntime
    private weak var session: MQTTSession?
    private var table: SubscriptionTable<Receiver>
    private var names = TopicCache(.mqtt)
    private var orphans = Orphans()
    private var departures: Departures
    private var leaving = LeavingReaders()
    /// The server of the link.
    private var server = 0
    private var sharesSubscriptions = true
    /// Tells the links apart.
    private var link = 0
    /// Whether the broker had the session when the link began.
    private(set) var hasSession = false
    private var isRestoring = false
    private var questions: [CInt: Question] = [:]
    /// The latest unanswered SUBSCRIBE of each filter, unless the broker was told to end it since.
    private var asking: [ByteKey: Int] = [:]
    /// Those who wait for the next SUBSCRIBE of a filter.
    private var waiting: [Int: [Promise<CInt>]] = [:]
    /// How often in a row the broker has refused, on this link, what it had agreed to before.
    private var refusals: [Int: Int] = [:]
    /// Unanswered SUBSCRIBEs on behalf of nobody.
    private var restored = 0
    /// Told when what was subscribed to is subscribed to again, or can't be.
    private var restoring: Promise<Void>?

    init(_ options: MQTTOptions, _ runtime: ConnectionRuntime) {
        self.options = options
        self.runtime = runtime
        let isKept = options.session != .clean
        table = SubscriptionTable(isKept: isKept)
        departures = Departures(servers: isKept ? options.servers.count : 0)
    }

    /// Gives it the session that it is part of.
    func belong(to session: MQTTSession) {
        self.session = session
    }

    private var isKept: Bool { table.isKept }
    private var now: Duration { runtime.timers.now }

    /// All filters, in the order in which they were first subscribed to.
    var all: [SubscribedFilter<Receiver>] { table.all }

    /// Whether an answer of the broker is awaited.
    var awaitsAnswer: Bool { !questions.isEmpty }

    // MARK: Beginning and ending

    /// Another filter that may match the same topics as one, where that would have to be told apart and can't be.
    func conflict(with request: SubscriptionRequest) -> String? {
        table.conflict(
            with: request.wire,
            key: TopicPattern(mqtt: request.filter),
            isShared: request.group != nil
        )?.text
    }

    /// Adds somebody who gets what comes by a filter. What is to be said to the broker is said by the next ``tell(_:)``.
    ///
    /// - Returns: the number to end it by, and what tells the quality that the broker grants, if that has to be waited for.
    func add(_ request: SubscriptionRequest, _ receiver: Receiver) -> (member: Int, grant: Promise<CInt>?) {
        let isNew = isKept && table.id(of: request.wire) == nil
        let (member, asks) = table.add(
            receiver,
            filter: request.filter,
            group: request.group,
            quality: request.quality,
            wantsRetained: request.wantsRetained,
            noLocal: request.noLocal,
            retainAsPublished: request.retainAsPublished && table.isIdentified,
            at: now
        )
        departures.cancel(request.wire)
        if isNew, let id = table.id(of: request.wire) { adoptOrphans(TopicPattern(mqtt: request.filter), id, receiver) }
        guard let asks else { return (member, nil) }
        let promise = Promise<CInt>()
        waiting[asks, default: []].append(promise)
        return (member, promise)
    }

    /// Ends somebody's part in a filter for good; does nothing if it has ended, unless the broker has kept the filter.
    func remove(_ member: Int, of request: SubscriptionRequest) {
        leaving.remove(member)
        guard table.remove(member) != nil || table.removeUnread(request.wire) else { return }
        departures.add(request.wire)
    }

    /// Ends a subscription as its reader has: what the broker keeps it goes on to keep, unless it is to end for good.
    func end(_ member: Int, of request: SubscriptionRequest, _ receiver: Receiver, _ ending: Subscription.Ending) {
        guard isKept, !request.endsWithReader else { return remove(member, of: request) }
        switch (ending, receiver) {
        case (.unsubscribed, _):
            remove(member, of: request)
            receiver.finish(throwing: nil)
        case (.finished, .topics):
            // What is read now is for it as well, lest it be acknowledged and lost.
            leaving.add(member, receiver, at: now)
        case (.finished, _), (.dropped, _):
            leave(member)
            receiver.finish(throwing: nil)
        }
    }

    private func leave(_ member: Int) {
        leaving.remove(member)
        table.remove(member, keeps: true)
        if !hasReaders { leaving.hold(at: now) }
    }

    private var hasReaders: Bool {
        table.hasReaders {
            leaving.contains($0)
        } where: {
            !$0.isForReplies
        }
    }

    /// Whether nothing is to be read, so that what the broker keeps stays with it: all readers have left, as they do when the
    /// program is about to end.
    ///
    /// - Parameter isReading: whether the socket is read all the same, for an answer.
    /// - Returns: whether that is so; whether what is read all the same is to stay with the broker; and when it has to be asked
    ///   again.
    func isHeld(isReading: Bool) -> (isHeld: Bool, withholds: Bool, again: Duration?) {
        guard isKept else { return (false, false, nil) }
        // They are about to be subscribed to.
        if let end = orphans.floodEnds(now) { return (true, false, end) }
        guard !leaving.isEmpty else { return (false, false, nil) }
        let now = now
        let hasReaders = hasReaders
        finishLeaving(isQuiet: !hasReaders && !isReading)
        let isHeld = leaving.holds(at: now) && !hasReaders && table.keepsUnread
        return (isHeld, isHeld, leaving.deadline)
    }

    /// Ends those that leave and have nothing to wait for.
    ///
    /// - Parameter isQuiet: whether nothing is read.
    func finishLeaving(isQuiet: Bool) {
        for (member, receiver) in leaving.takeGone(at: now, isQuiet: isQuiet) {
            leave(member)
            receiver.finish(throwing: nil)
        }
    }

    /// Ends every subscription, after what has arrived.
    func finishAll(_ error: (any Error)?) {
        for filter in table.all {
            for member in filter.members { member.receiver.finish(throwing: error) }
        }
    }

    // MARK: The link

    /// A broker has accepted a link. What it has kept may follow at once, and be read before anything else is done.
    func linkBegins(hasSession: Bool) {
        self.hasSession = hasSession
        orphans.begin(isKept: isKept && hasSession, now)
    }

    /// Asks for everything anew; the promise ends when the broker has answered to all.
    func restore(at server: Int, _ broker: ConnectAcknowledgement) -> Promise<Void> {
        let isIdentified = broker.tellsSubscriptions
        self.server = server
        sharesSubscriptions = broker.sharesSubscriptions
        if !isIdentified, table.all.contains(where: { $0.members.contains(where: \.retainAsPublished) }) {
            runtime.tell(
                of: "retainAsPublished",
                "this broker does not tell of a new message whether it is kept, as the one before did"
            )
        }
        if !hasSession { departures.knowsNothing(server) }
        let owed = departures.owed(to: server)
        table.restore(isIdentified: isIdentified, hasSession: hasSession, owed: owed, at: now)
        isRestoring = true
        let promise = Promise<Void>()
        restoring = promise
        return promise
    }

    /// The link is gone, and with it what was not answered.
    func linkIsLost(_ error: any Error) {
        finishLeaving(isQuiet: true)
        var lost = waiting.values.flatMap { $0 }
        for case .subscribe(_, let promises) in questions.values { lost += promises }
        questions = [:]
        asking = [:]
        waiting = [:]
        refusals = [:]
        restored = 0
        link += 1
        endDeafness()
        for promise in lost { promise.end(.failure(error)) }
        restoring?.end(.failure(error))
    }

    /// Says to the broker what has changed.
    func tell(_ client: Mosquitto) throws {
        for action in table.takeActions() {
            switch action {
            case .subscribe(let filter): try ask(for: filter, client)
            case .unsubscribe(let text):
                questions[client.unsubscribe(from: text)] = .unsubscribe(text: text)
                asking[ByteKey(text)] = nil
            }
        }
        isRestoring = false
        if let number = table.takeQuestion() {
            questions[client.unsubscribe(from: Self.nothing)] = .copies(number: number)
        }
        if restored == 0 { restoring?.end(.success(())) }
    }

    /// A filter that nobody subscribes to: what every broker takes from every client, and answers.
    static let nothing = "martlet/nothing"

    private func ask(for id: Int, _ client: Mosquitto) throws {
        guard let filter = table[filter: id], let terms = filter.asked else { return }
        let text = ByteKey(filter.text)
        // Those who ask for the same at once share the next one.
        if asking[text] != nil, waiting[id] != nil { return }
        let promises = waiting.removeValue(forKey: id) ?? []
        do {
            if filter.isShared, !sharesSubscriptions { throw MessagingError.sharesNothing }
            var properties = PropertyList()
            if table.isIdentified, options.version == .v5 {
                properties.add(.subscriptionIdentifier, UInt32(clamping: id))
            }
            let flags = options.version == .v5 ? flags(filter, terms) : 0
            let number = try client.subscribe(to: filter.text, quality: terms.quality, options: flags, properties)
            // A session may have some on their way from before.
            let replays = flags & CInt(MQTT_SUB_OPT_SEND_RETAIN_NEVER.rawValue) == 0 || isRestoring && hasSession
            guard let ask = table.ask(id, replays: replays) else { return }
            questions[number] = .subscribe(ask, promises)
            asking[text] = ask.number
            if promises.isEmpty { restored += 1 }
        } catch {
            // Nobody else knows of the promises. What the library does not take is no fault of the link.
            for promise in promises { promise.end(.failure(error)) }
            if (error as? MessagingError)?.code == .connectionLost { throw error }
            if promises.isEmpty { refuse(id, error, mayPass: false) }
        }
    }

    /// The options of MQTT 5.
    private func flags(_ filter: SubscribedFilter<Receiver>, _ terms: SubscriptionTerms) -> CInt {
        var flags: CInt = 0
        if terms.noLocal, !filter.isShared { flags |= CInt(MQTT_SUB_OPT_NO_LOCAL.rawValue) }
        if terms.retainAsPublished { flags |= CInt(MQTT_SUB_OPT_RETAIN_AS_PUBLISHED.rawValue) }
        switch table.retainedDemand(filter.id) {
        case .nobody: flags |= CInt(MQTT_SUB_OPT_SEND_RETAIN_NEVER.rawValue)
        // What changed meanwhile waits in the session, if the broker still has the subscription.
        case .guaranteed where isRestoring && hasSession: flags |= CInt(MQTT_SUB_OPT_SEND_RETAIN_NEW.rawValue)
        case .guaranteed, .somebody: break
        }
        return flags
    }

    /// The broker does not agree to what was subscribed to before. What may pass ends nothing: it is asked again. For replies that
    /// is so whatever it says, since those who call later wait for them, too.
    private func refuse(_ id: Int, _ error: any Error, mayPass: Bool) {
        guard let filter = table[filter: id], filter.asked != nil else { return }
        let isForReplies = filter.members.contains { $0.receiver.isForReplies }
        if isForReplies {
            let error = (error as? MessagingError) ?? MessagingError(.refused, "\(error)")
            session?.deafness.withLock { $0 = Deafness(filter: filter.topic, error: error) }
            runtime.failCalls(error)
        }
        guard mayPass || isForReplies else {
            for receiver in table.removeFilter(id) { receiver.finish(throwing: error) }
            return
        }
        runtime.tell(of: "a refused subscription", "\(error); it is asked again")
        let count = refusals[id] ?? 0
        refusals[id] = count + 1
        var backoff = options.reconnect
        backoff.attempts = nil
        let delay = backoff.delay(before: count) ?? backoff.maximum
        session?.later(delay) { [link] session in session.subscriptions.askAgain(id, on: link, session) }
    }

    /// Replies by a filter, or by any, come again, or will be asked for.
    private func endDeafness(_ filter: String? = nil) {
        session?.deafness.withLock { if filter == nil || $0?.filter == filter { $0 = nil } }
    }

    /// Asks again for what the broker has refused, unless that has been dealt with since.
    private func askAgain(_ id: Int, on link: Int, _ session: isolated MQTTSession) {
        guard link == self.link, session.keeper.isUp, let filter = table[filter: id], filter.asked != nil,
            filter.granted == nil, asking[ByteKey(filter.text)] == nil, table.askAgain(id) != nil
        else { return }
        session.attend {}
    }

    // MARK: What the broker answers

    /// Why a broker may refuse what it takes later: for no reason that it tells, since a number is in use, or a quota exceeded
    /// (MQTT 5, 3.9.3). That is all that MQTT 3.1.1 says.
    private static let passing: Set<CInt> = [0x80, 0x83, 0x91, 0x97]

    /// The broker has answered a SUBSCRIBE.
    ///
    /// - Parameter words: its own, if it refuses.
    func subscribed(_ number: CInt, granted quality: CInt, _ words: BrokerWords) {
        guard case .subscribe(let ask, let promises)? = questions.removeValue(forKey: number) else { return }
        table.interrupted()
        let id = ask.filter
        if let text = table[filter: id].map({ ByteKey($0.text) }), asking[text] == ask.number { asking[text] = nil }
        if promises.isEmpty { restored -= 1 }
        let isOwed = promises.isEmpty || table.isOwed(id)
        let filter = table[filter: id]?.text ?? ""
        if quality < 0x80 {
            table.granted(ask, quality: quality, at: now)
            refusals[id] = nil
            endDeafness(filter)
            if isOwed, quality < ask.terms.quality {
                runtime.tell(
                    of: "a lesser quality",
                    "the broker gives quality of service \(quality) for \(filter) now, not \(ask.terms.quality) as before"
                )
            }
            for promise in promises { promise.end(.success(quality)) }
        } else {
            let error = MessagingError(subscribeReason: quality, filter, options.version, words)
            table.refused(ask, at: now)
            if isOwed, table.holds(ask) { refuse(id, error, mayPass: Self.passing.contains(quality)) }
            for promise in promises { promise.end(.failure(error)) }
        }
        guard let later = waiting.removeValue(forKey: id) else { return }
        if let server = table.askAgain(id) {
            waiting[server, default: []] += later
        } else {
            for promise in later { promise.end(.failure(CancellationError())) }
        }
    }

    /// The broker has answered an UNSUBSCRIBE.
    func unsubscribed(_ number: CInt) {
        table.interrupted()
        switch questions.removeValue(forKey: number) {
        case .unsubscribe(let text):
            table.ended(text)
            departures.ended(text, at: server)
        case .copies(let number): table.answered(question: number)
        case .subscribe, nil: break
        }
    }

    /// The broker has confirmed a message.
    func confirmed() { table.interrupted() }

    // MARK: What comes

    func received(_ message: ReceivedMessage) {
        let topic = message.topic
        let arrival = Arrival(
            topic: topic,
            body: message.body,
            quality: message.quality,
            isRetained: message.isRetained,
            identified: message.subscriptions,
            time: message.isRetained ? now : .zero
        )
        let outcome = table.forEachReceiver(of: arrival) {
            names.name(of: topic)
        } _: { receiver, isRetained in
            deliver(message, to: receiver, isRetained: isRetained)
        }
        if outcome.isRead || outcome.isLeft, !isKept { return }
        if outcome.isRead {
            let isForOthers = outcome.isForOthers
            guard orphans.keepsRead(isForOthers: isForOthers, isIdentified: table.isIdentified, now) else { return }
        }
        settle(message, outcome)
    }

    /// Deals with a message that nobody has got, or others may have to get as well.
    private func settle(_ message: ReceivedMessage, _ outcome: ArrivalOutcome) {
        if outcome.isLeft, !outcome.isRead, !outcome.isForOthers {
            return runtime.count(
                \.undelivered,
                "a message came by a subscription that was left, and that the broker keeps: unsubscribe() ends it"
            )
        }
        guard let name = names.name(of: message.topic) else { return countUnnamed(message.topic) }
        guard orphans.isKept, message.quality > 0 else {
            guard !outcome.isRead, !outcome.isLeft else { return }
            return runtime.count(
                \.undelivered,
                "a message of \(quoted(message.topic)) came, which nothing matches that was subscribed to"
            )
        }
        let dropped = orphans.add(
            message,
            key: name,
            strangers: Set(message.subscriptions.filter { table[filter: $0] == nil }),
            isRead: outcome.isRead || outcome.isLeft,
            now
        )
        for _ in 0..<dropped {
            runtime.count(\.undelivered, "too many messages of the kept session came before they were subscribed to")
        }
    }

    private func countUnnamed(_ topic: String) {
        runtime.count(\.undecodable, "a message came whose topic \(quoted(topic)) has too many levels for a name")
    }

    private func adoptOrphans(_ pattern: TopicPattern, _ id: Int, _ receiver: Receiver) {
        for message in orphans.take(matching: pattern, id: id, now) {
            deliver(message, to: receiver, isRetained: message.isRetained)
        }
    }

    private func deliver(_ received: ReceivedMessage, to receiver: Receiver, isRetained: Bool) {
        let topic = received.topic
        let message: Message
        do {
            message = try runtime.wire.message(received, from: receiver.use)
        } catch {
            return runtime.count(\.undecodable, "a message of \(quoted(topic)) could not be read: \(error)")
        }
        switch receiver {
        case .topics(let inbox, let knowsTopic):
            let name = knowsTopic ? nil : names.name(of: topic)
            guard knowsTopic || name != nil else { return countUnnamed(topic) }
            inbox.deliver(Delivery(topic: name, message: message, isRetained: isRetained))
        case .queue(let inbox, let queue):
            guard let session else { return }
            inbox.offer(QueueDelivery(message, queue, inbox, session).delivery)
        case .replies(let receive):
            receive(message, topic)
        }
    }

    /// The socket has nothing more at the moment.
    func readDry() { table.readDry(at: now) }
}
