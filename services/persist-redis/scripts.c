#include "scripts.h"

/* Bytes of a blob, counted from 1 as Lua does, and its flags: see row.h. */
#define PREAMBLE                                                                                             \
    "local call, sub, byte = redis.call, string.sub, string.byte\n"                                          \
    "local store, prefix = KEYS[1], ARGV[1]\n"

#define SAME_STORE                                                                                           \
    "local known = call('HMGET', store, 'id', 'mark')\n"                                                     \
    "if known[1] ~= ARGV[2] then return -1 end\n"

/* Keeps the number of readings, in all and of each mixed series. */
#define COUNTS                                                                                               \
    "local readings = 0\n"                                                                                   \
    "local function count(head, sign)\n"                                                                     \
    "  local flags, a, b, c = byte(head, 21, 24)\n"                                                          \
    "  local number = sign * (a * 65536 + b * 256 + c)\n"                                                    \
    "  readings = readings + number\n"                                                                       \
    "  if flags % 128 >= 64 then\n"                                                                          \
    "    local series = string.format('%d', (struct.unpack('>I4', head, 17)))\n"                             \
    "    if call('HINCRBY', prefix .. 'mixed', series, number) == 0 then\n"                                  \
    "      call('HDEL', prefix .. 'mixed', series)\n"                                                        \
    "    end\n"                                                                                              \
    "  end\n"                                                                                                \
    "  return flags\n"                                                                                       \
    "end\n"                                                                                                  \
    "local function unlink(key, flags)\n"                                                                    \
    "  if flags >= 128 then call('UNLINK', key, prefix .. 'b' .. sub(key, -16))\n"                           \
    "  else call('UNLINK', key) end\n"                                                                       \
    "end\n"

#define KEEP_COUNTS "if readings ~= 0 then call('HINCRBY', store, 'readings', readings) end\n"

static const char *const s_texts[SCRIPTS] = {
    [SCRIPT_OPEN] =
        PREAMBLE "local kind = call('TYPE', store)['ok']\n"
                 "if kind == 'none' then\n"
                 "  for _, name in ipairs({'series', 'mixed', 't:0', 't:1', 't:2', 't:3', 't:4'}) do\n"
                 "    if call('EXISTS', prefix .. name) == 1 then return prefix .. name end\n"
                 "  end\n"
                 "  if not ARGV[2] then return {} end\n"
                 "  call('HSET', store, 'schema', ARGV[3], 'id', ARGV[2], 'mark', string.rep('0', 20),\n"
                 "       'readings', '0')\n"
                 "elseif kind ~= 'hash' then return store end\n"
                 "local known = call('HMGET', store, 'schema', 'id', 'mark')\n"
                 "if not (known[1] and known[2] and known[3]) then return store end\n"
                 "return known\n",

    [SCRIPT_CATALOGUE] = PREAMBLE SAME_STORE
    "local list = prefix .. 'series'\n"
    "local length = call('LLEN', list)\n"
    "if length ~= tonumber(ARGV[3]) then return 0 end\n"
    "for i = 4, #ARGV do\n"
    "  if sub(ARGV[i], 1, 1) == 'S' and\n"
    "     call('EXISTS', prefix .. 's:' .. string.format('%d', length + i - 3)) == 1 then return -2 end\n"
    "end\n"
    "for i = 4, #ARGV do call('RPUSH', list, ARGV[i]) end\n"
    "return 1\n",

    [SCRIPT_WRITE] = PREAMBLE SAME_STORE COUNTS
    "local CONFLICT, NOT_FOUND = 1, 2\n"
    "local classes, refused, place, i, last = {}, {}, 0, 3, #ARGV\n"
    "for class = 0, 4 do classes[class] = prefix .. 't:' .. class end\n"
    "while i < last do\n"
    "  local key, blob = ARGV[i], ARGV[i + 1]\n"
    "  local status = 0\n"
    "  if blob == '' then\n"
    "    local head = call('GETRANGE', key, 0, 23)\n"
    "    if head == '' then status = NOT_FOUND\n"
    "    else\n"
    "      local flags = byte(head, 21)\n"
    "      local member = sub(head, 1, 8) .. sub(key, -16) .. sub(head, 17, 20)\n"
    "      unlink(key, flags)\n"
    "      call('ZREM', classes[flags % 8], member)\n"
    "      call('ZREM', prefix .. 's:' .. string.format('%d', (struct.unpack('>I4', head, 17))), member)\n"
    "      count(head, -1)\n"
    "    end\n"
    "    i = i + 2\n"
    "  else\n"
    "    local member = ARGV[i + 2]\n"
    "    local large = byte(blob, 21) >= 128\n"
    "    if call('SETNX', key, blob) == 1 then\n"
    "      local flags = count(blob, 1)\n"
    "      call('ZADD', classes[flags % 8], '0', member)\n"
    "      call('ZADD', ARGV[i + 3], '0', member)\n"
    "      if large then call('SET', prefix .. 'b' .. sub(key, -16), ARGV[i + 4]) end\n"
    "    elseif call('GETRANGE', key, 8, 15) ~= sub(blob, 9, 16) then status = CONFLICT end\n"
    "    i = i + (large and 5 or 4)\n"
    "  end\n"
    "  if status ~= 0 then\n"
    "    refused[#refused + 1] = place\n"
    "    refused[#refused + 1] = status\n"
    "  end\n"
    "  place = place + 1\n"
    "end\n" KEEP_COUNTS
    /* Halves of 10 digits, as a double holds no 20. */
    "local function half(mark, at) return tonumber(sub(mark, at, at + 9)) end\n"
    "local more = half(ARGV[last], 1) - half(known[2], 1)\n"
    "if more > 0 or (more == 0 and half(ARGV[last], 11) > half(known[2], 11)) then\n"
    "  call('HSET', store, 'mark', ARGV[last])\n"
    "end\n"
    "return refused\n",

    [SCRIPT_PURGE] = PREAMBLE SAME_STORE COUNTS "local deleted = 0\n"
                                                "for i = 3, #ARGV, 5 do\n"
                                                "  local key = ARGV[i]\n"
                                                "  local head = call('GETRANGE', key, 0, 23)\n"
                                                "  if sub(head, 9, 16) == ARGV[i + 1] then\n"
                                                "    call('ZREM', ARGV[i + 3], ARGV[i + 2])\n"
                                                "    call('ZREM', ARGV[i + 4], ARGV[i + 2])\n"
                                                "    if head ~= '' then\n"
                                                "      unlink(key, count(head, -1))\n"
                                                "      deleted = deleted + 1\n"
                                                "    end\n"
                                                "  end\n"
                                                "end\n" KEEP_COUNTS "return deleted\n",
};

const char *script_text(script_t which)
{
    return s_texts[which];
}
