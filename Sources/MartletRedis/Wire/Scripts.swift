/// What has to happen in one step at the server.
enum Scripts {
    /// Shows that a consumer is alive.
    ///
    /// Keys: the queue's consumers, its leases. Arguments: the consumer, its lease in milliseconds, and 1 if it takes
    /// messages or 0 if it only holds some yet. Returns the consumers whose lease is over.
    static let renew = Array(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        if ARGV[3] == '1' then
            redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
        end
        redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
        return redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 16)
        """.utf8
    )

    /// Gives elements back to the head of a queue at once, each behind what came before it and was given back already.
    ///
    /// Keys: the queue, the list of what a consumer holds. Arguments, by fours, the latest element first: the element as
    /// it is held, and as it is to be given back; behind which element, if that is among the first so many, or an empty
    /// text. What is not held any more was given back by someone else. What can't be put into the queue stays held.
    static let giveBackInOrder = Array(
        """
        for i = 1, #ARGV, 4 do
            if redis.call('LPOS', KEYS[2], ARGV[i]) then
                if ARGV[i + 2] ~= '' and redis.call('LPOS', KEYS[1], ARGV[i + 2], 'MAXLEN', ARGV[i + 3]) then
                    redis.call('LINSERT', KEYS[1], 'AFTER', ARGV[i + 2], ARGV[i + 1])
                else
                    redis.call('LPUSH', KEYS[1], ARGV[i + 1])
                end
                redis.call('LREM', KEYS[2], 1, ARGV[i])
            end
        end
        return 1
        """.utf8
    )

    /// The last elements of a list, the last one first, as many as have so many bytes together, and one at least.
    ///
    /// Key: the list. Arguments: how many to leave out at its end, how many at most, how many bytes, and how many bytes
    /// an element may have that is told: of a larger one its size is told, and nothing after it. Returns how many there
    /// are in all, and they.
    static let lastElements = Array(
        """
        local told = {redis.call('LLEN', KEYS[1])}
        local bytes = 0
        for i = ARGV[1] + 1, ARGV[1] + ARGV[2] do
            local element = redis.call('LINDEX', KEYS[1], -i)
            if not element then break end
            bytes = bytes + #element
            if #told > 1 and bytes > tonumber(ARGV[3]) then break end
            if #element > tonumber(ARGV[4]) then
                told[#told + 1] = #element
                break
            end
            told[#told + 1] = element
        end
        return told
        """.utf8
    )

    /// Collects elements to be given back: the first argument comes to stand first.
    ///
    /// Keys: where they are collected, the list of what a consumer holds. Arguments: pairs of an element as it is held, and as it is
    /// to be given back, which is empty where that is the same. What is not held any more was given back by someone else.
    /// Returns how many were.
    static let collect = Array(
        """
        local count = 0
        for i = #ARGV - 1, 1, -2 do
            if redis.call('LPOS', KEYS[2], ARGV[i]) then
                redis.call('LPUSH', KEYS[1], ARGV[i + 1] == '' and ARGV[i] or ARGV[i + 1])
                redis.call('LREM', KEYS[2], 1, ARGV[i])
                count = count + 1
            end
        end
        return count
        """.utf8
    )

    /// Collects the last element that a consumer holds, as it is.
    ///
    /// Keys: where it is collected, the list of what the consumer holds. Returns how many were.
    static let collectLast = Array(
        "return redis.call('LMOVE', KEYS[2], KEYS[1], 'RIGHT', 'LEFT') and 1 or 0".utf8
    )

    /// Gives everything that was collected back to the head of a queue at once, behind an element that was given back
    /// before.
    ///
    /// Keys: the queue, where it was collected. Arguments: behind which element, if that is among the first so many, or an
    /// empty text.
    static let giveBackBehind = Array(
        """
        local behind = ARGV[1] ~= '' and redis.call('LPOS', KEYS[1], ARGV[1], 'MAXLEN', ARGV[2])
        while true do
            local element = redis.call('LINDEX', KEYS[2], -1)
            if not element then return 1 end
            if behind then
                redis.call('LINSERT', KEYS[1], 'AFTER', ARGV[1], element)
            else
                redis.call('LPUSH', KEYS[1], element)
            end
            redis.call('RPOP', KEYS[2])
        end
        """.utf8
    )

    /// Puts aside what is too large to be read.
    ///
    /// Keys: the list of what a consumer holds, where to put it. Argument: how many bytes an element may have. Returns how
    /// many were put aside.
    static let putAside = Array(
        """
        local count = 0
        for i = redis.call('LLEN', KEYS[1]) - 1, 0, -1 do
            local element = redis.call('LINDEX', KEYS[1], i)
            if #element > tonumber(ARGV[1]) then
                redis.call('RPUSH', KEYS[2], element)
                redis.call('LREM', KEYS[1], -1, element)
                count = count + 1
            end
        end
        return count
        """.utf8
    )

    /// Gives everything that was collected back to the head of a queue at once, so that its order is kept whoever takes
    /// from there meanwhile, and forgets the lease of a consumer that holds nothing.
    ///
    /// Keys: the queue, where it was collected, the list of what the consumer holds, the queue's leases. Argument: the
    /// consumer.
    static let giveBackCollected = Array(
        """
        while redis.call('LMOVE', KEYS[2], KEYS[1], 'RIGHT', 'LEFT') do end
        if redis.call('LLEN', KEYS[3]) == 0 then redis.call('ZREM', KEYS[4], ARGV[1]) end
        return 1
        """.utf8
    )

    /// Moves an element that is held to the dead letters.
    ///
    /// Keys: the dead letters, the list of what a consumer holds. Arguments: the element as it is held, the dead
    /// letter. Returns 0 if it is not held any more.
    static let bury = Array(
        """
        if not redis.call('LPOS', KEYS[2], ARGV[1]) then return 0 end
        redis.call('RPUSH', KEYS[1], ARGV[2])
        return redis.call('LREM', KEYS[2], 1, ARGV[1])
        """.utf8
    )

    /// Forgets the lease of a consumer that holds nothing.
    ///
    /// Keys: the queue's leases, the list of what the consumer holds. Argument: the consumer.
    static let forget = Array(
        """
        if redis.call('LLEN', KEYS[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
        return 1
        """.utf8
    )

    /// Shows that the owner of reply lists is alive, and tells whose time is over. Each of these is told to one alone, and
    /// again after a lease, should that one not have done with it.
    ///
    /// Key: the owners, by the end of their time. Arguments: the owner or an empty text, its time and the lease of who asks,
    /// both in milliseconds. Returns owners.
    static let renewOwner = Array(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        if ARGV[1] ~= '' then redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1]) end
        local told = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 16)
        for _, owner in ipairs(told) do redis.call('ZADD', KEYS[1], now + ARGV[3], owner) end
        return told
        """.utf8
    )

    /// Gives reply lists an end, as far as there is something in them and they are in one page of the server's keys.
    ///
    /// Key: what their names begin with. Arguments: where the page begins, how many keys it has, and the lists' time in
    /// milliseconds. Returns where the next page begins; 0 after the last.
    static let expireLists = Array(
        """
        local page = redis.call('SCAN', ARGV[1], 'MATCH', KEYS[1] .. '-*', 'COUNT', ARGV[2])
        for _, list in ipairs(page[2]) do redis.call('PEXPIRE', list, ARGV[3]) end
        return page[1]
        """.utf8
    )

    /// Publishes the wills of those who give no sign of life any more, and shows that this connection is alive.
    ///
    /// Keys: the wills' ends of lease, their contents. Arguments: the connection or an empty text, its lease in
    /// milliseconds. Returns whether the connection's own will lies there, as 1 or 0.
    static let renewWill = Array(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local mine = 0
        if ARGV[1] ~= '' and redis.call('HEXISTS', KEYS[2], ARGV[1] .. ':topic') == 1 then
            redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
            mine = 1
        end
        local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 16)
        for _, id in ipairs(due) do
            local topic = redis.call('HGET', KEYS[2], id .. ':topic')
            local body = redis.call('HGET', KEYS[2], id .. ':body')
            redis.call('ZREM', KEYS[1], id)
            redis.call('HDEL', KEYS[2], id .. ':topic', id .. ':body')
            if topic and body then redis.call('PUBLISH', topic, body) end
        end
        return mine
        """.utf8
    )

    /// Leaves a will.
    ///
    /// Keys: the wills' ends of lease, their contents. Arguments: the connection, its lease in milliseconds, the
    /// topic, the body.
    static let storeWill = Array(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
        redis.call('HSET', KEYS[2], ARGV[1] .. ':topic', ARGV[3], ARGV[1] .. ':body', ARGV[4])
        return 1
        """.utf8
    )

    /// Takes a will back.
    ///
    /// Keys: the wills' ends of lease, their contents. Argument: the connection.
    static let dropWill = Array(
        """
        redis.call('ZREM', KEYS[1], ARGV[1])
        redis.call('HDEL', KEYS[2], ARGV[1] .. ':topic', ARGV[1] .. ':body')
        return 1
        """.utf8
    )

    /// Moves elements to a consumer where the server has no memory left and so refuses `BLMOVE`, by which that memory
    /// would be freed.
    ///
    /// Keys: the queue, the list of what the consumer holds. Arguments: how many at most; how many bytes together, and one
    /// element at least; how many bytes an element may have that is told: of a larger one its size is told, and none is
    /// moved after it. Returns them.
    static let move = Array(
        """
        local moved = {}
        local bytes = 0
        for i = 1, tonumber(ARGV[1]) do
            local element = redis.call('LINDEX', KEYS[1], 0)
            if not element then break end
            bytes = bytes + #element
            if i > 1 and bytes > tonumber(ARGV[2]) then break end
            redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
            if #element > tonumber(ARGV[3]) then
                moved[i] = #element
                break
            end
            moved[i] = element
        end
        return moved
        """.utf8
    )

    /// By which a script says, to Redis 7, that it may run where there is no memory left: giving back and moving take
    /// no more of it.
    static let allowance = Array("#!lua flags=allow-oom\n".utf8)

    /// The command that runs a script.
    static func run(_ script: [UInt8], keys: [[UInt8]], _ arguments: [[UInt8]]) -> [[UInt8]] {
        [Command.eval, script, Array(String(keys.count).utf8)] + keys + arguments
    }
}
