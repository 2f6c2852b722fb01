/* RTP load for a relay: two UDP sockets, one for all callers and one for all callees.
 *
 * What comes back on the other socket gives the delay, by its SSRC and sequence number. Sessions
 * with keys have SRTP (AES_CM_128_HMAC_SHA1_80) on the caller's side: what it sends is encrypted,
 * every CHECKED_EACH-th packet that it gets is verified and decrypted; what the callee gets has to
 * be what the caller meant. Packets that are not count as lost.
 * Two modes: paced (-r packets per second, both directions together) and saturated (-w packets in
 * flight: a new one for each that comes back, so that the relay is never idle).
 * The CPU time of the relay is read from /proc/PID/task/.../schedstat at both ends of the
 * measurement. The result is one line of JSON.
 */
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED /* HMAC from two prepared hashes is what relays do as well */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_SESSIONS 4000
#define MOST_PROCESSES 64
#define BATCH 64
#define HEADER 12
#define PACKET 172 /* 20 ms of G.711 */
#define TAG 10
#define MASTER 30 /* key and salt */
#define CHECKED_EACH 64
#define REMEMBERED 64 /* sending times of a session and direction */
#define CALLER 0
#define CALLEE 1

/* Delays in microseconds: exact below 1024, then 128 steps per octave. */
#define STEPS 4096

static uint32_t delays[STEPS];
static struct sockaddr_in relay_ports[2][MOST_SESSIONS];
static uint32_t sequence[2][MOST_SESSIONS]; /* with the rollover counter above 16 bits */
static uint32_t begun[2][MOST_SESSIONS]; /* the first that counts: the warm-up's may come late */
static uint64_t sent_at[2][MOST_SESSIONS][REMEMBERED];
static int next_session[2];
static int sessions;
static int sockets[2];
static int pids[MOST_PROCESSES], processes;
static uint64_t sent, received;

struct srtp {
    EVP_CIPHER_CTX *cipher;
    SHA_CTX inner, outer;
    uint8_t salt[16];
};
static struct srtp to_relay[MOST_SESSIONS], from_relay[MOST_SESSIONS];
static int is_encrypted;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int step_of(uint64_t us) {
    if (us < 1024)
        return (int)us;
    int octave = 63 - __builtin_clzll(us);
    int step = 1024 + (octave - 10) * 128 + (int)((us >> (octave - 7)) & 127);
    return step < STEPS ? step : STEPS - 1;
}

static double delay_of(int step) {
    if (step < 1024)
        return step;
    int octave = (step - 1024) / 128 + 10;
    return (double)((1ull << octave) + ((uint64_t)((step - 1024) % 128) << (octave - 7)));
}

static double percentile(double part) {
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < STEPS; i++)
        total += delays[i];
    for (int i = 0; i < STEPS; i++) {
        seen += delays[i];
        if (total && (double)seen >= part * (double)total)
            return delay_of(i);
    }
    return 0;
}

/* CPU time of all threads of a process. */
static uint64_t cpu_ns_of(int pid) {
    char path[600];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        fail(path);
    for (struct dirent *task; (task = readdir(tasks));) {
        unsigned long long ran = 0;
        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        if (fscanf(file, "%llu", &ran) == 1)
            sum += ran;
        fclose(file);
    }
    closedir(tasks);
    return sum;
}

/* CPU time of all processes of the relay. */
static uint64_t cpu_ns(void) {
    uint64_t sum = 0;
    for (int i = 0; i < processes; i++)
        sum += cpu_ns_of(pids[i]);
    return sum;
}

static int open_socket(int port) {
    int s = socket(AF_INET, SOCK_DGRAM, 0), size = 64 << 20;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (s < 0 || bind(s, (void *)&address, sizeof address))
        fail("bind");
    /* As root beyond the system's limit; otherwise up to it. */
    if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return s;
}

/* Add a keystream to octets (RFC 3711 4.1.1). */
static void add_keystream(EVP_CIPHER_CTX *cipher, const uint8_t counter[16], uint8_t *data, int size) {
    int done;
    if (!EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, counter) ||
        !EVP_EncryptUpdate(cipher, data, &done, data, size))
        fail("AES");
}

/* Derive a session key (RFC 3711 4.3.1). */
static void derive(const uint8_t master[MASTER], uint8_t label, uint8_t *key, int size) {
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t counter[16] = {0};
    EVP_EncryptInit_ex(cipher, EVP_aes_128_ctr(), NULL, master, counter);
    memcpy(counter, master + 16, 14);
    counter[7] ^= label;
    memset(key, 0, (size_t)size);
    add_keystream(cipher, counter, key, size);
    EVP_CIPHER_CTX_free(cipher);
}

static void prepare(struct srtp *it, const char *hex) {
    uint8_t master[MASTER], key[16], block[64], authentication[20];
    if (strlen(hex) != 2 * MASTER)
        fail("key");
    for (int i = 0; i < MASTER; i++)
        sscanf(hex + 2 * i, "%2hhx", &master[i]);
    derive(master, 0, key, sizeof key);
    derive(master, 1, authentication, sizeof authentication);
    memset(it->salt, 0, sizeof it->salt);
    derive(master, 2, it->salt, 14);
    it->cipher = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(it->cipher, EVP_aes_128_ctr(), NULL, key, NULL);
    for (int outer = 0; outer < 2; outer++) {
        SHA_CTX *hash = outer ? &it->outer : &it->inner;
        memset(block, outer ? 0x5c : 0x36, sizeof block);
        for (int i = 0; i < 20; i++)
            block[i] ^= authentication[i];
        SHA1_Init(hash);
        SHA1_Update(hash, block, sizeof block);
    }
}

/* Encrypt or decrypt what follows the header of a packet (RFC 3711 4.1). */
static void crypt_payload(struct srtp *it, uint8_t *packet, uint32_t index) {
    uint8_t counter[16];
    memcpy(counter, it->salt, sizeof counter);
    for (int i = 0; i < 4; i++) {
        counter[4 + i] ^= packet[8 + i]; /* SSRC */
        counter[10 + i] ^= (uint8_t)(index >> (24 - 8 * i));
    }
    add_keystream(it->cipher, counter, packet + HEADER, PACKET - HEADER);
}

static void make_tag(struct srtp *it, const uint8_t *packet, uint32_t index, uint8_t tag[20]) {
    uint32_t roc = htonl(index >> 16);
    SHA_CTX hash = it->inner;
    SHA1_Update(&hash, packet, PACKET);
    SHA1_Update(&hash, &roc, sizeof roc);
    SHA1_Final(tag, &hash);
    hash = it->outer;
    SHA1_Update(&hash, tag, 20);
    SHA1_Final(tag, &hash);
}

static void read_sessions(const char *path) {
    FILE *file = fopen(path, "r");
    char line[300], to[100], from[100];
    int ports[2];
    if (!file)
        fail(path);
    while (sessions < MOST_SESSIONS && fgets(line, sizeof line, file)) {
        int count = sscanf(line, "%d %d %99s %99s", &ports[0], &ports[1], to, from);
        if (count != 2 && count != 4)
            fail("sessions");
        for (int side = 0; side < 2; side++) {
            struct sockaddr_in *at = &relay_ports[side][sessions];
            at->sin_family = AF_INET;
            at->sin_port = htons((uint16_t)ports[side]);
            at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
        is_encrypted = count == 4;
        if (is_encrypted) {
            prepare(&to_relay[sessions], to);
            prepare(&from_relay[sessions], from);
        }
        sessions++;
    }
    fclose(file);
    if (sessions < BATCH)
        fail("fewer sessions than packets in a batch");
}

static void write_payload(uint8_t *packet, int side, uint32_t index) {
    memset(packet + HEADER, side == CALLER ? 0x55 : 0xaa, PACKET - HEADER);
    memcpy(packet + HEADER, &index, sizeof index);
}

/* Tell whether a packet is what the other side of its session has sent; note its delay. */
static int is_right(uint8_t *packet, int size, int side, uint64_t now) {
    uint8_t expected[PACKET], tag[20];
    uint16_t number;
    uint32_t ssrc;
    int other = side == CALLER ? CALLEE : CALLER, has_tag = is_encrypted && side == CALLER;
    if (size != PACKET + (has_tag ? TAG : 0))
        return 0;
    memcpy(&number, packet + 2, 2);
    memcpy(&ssrc, packet + 8, 4);
    int session = (int)(ntohl(ssrc) & 0x0fffffff);
    if (session >= sessions || ntohl(ssrc) >> 28 != (uint32_t)other + 1)
        return 0;
    uint32_t index = sequence[other][session] - 1;
    index -= (uint16_t)((uint16_t)index - ntohs(number));
    if (index < begun[other][session])
        return 0;
    if (has_tag && index % CHECKED_EACH == 0) {
        make_tag(&from_relay[session], packet, index, tag);
        if (memcmp(tag, packet + PACKET, TAG))
            return 0;
        crypt_payload(&from_relay[session], packet, index);
        has_tag = 0;
    }
    write_payload(expected, other, index);
    if (!has_tag && memcmp(packet + HEADER, expected + HEADER, PACKET - HEADER))
        return 0;
    delays[step_of((now - sent_at[other][session][index % REMEMBERED]) / 1000)]++;
    return 1;
}

static void receive_some(void) {
    static uint8_t buffers[BATCH][2048];
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){buffers[i], sizeof buffers[i]};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
        }
        int count = recvmmsg(sockets[side], messages, BATCH, MSG_DONTWAIT, NULL);
        uint64_t now = now_ns();
        for (int i = 0; i < count; i++)
            received += (uint64_t)is_right(buffers[i], (int)messages[i].msg_len, side, now);
    }
}

/* Write a packet; return its size. */
static size_t write_packet(uint8_t *packet, int side, int session) {
    uint32_t index = sequence[side][session]++;
    uint16_t number = htons((uint16_t)index);
    uint32_t timestamp = htonl(160u * index);
    uint32_t ssrc = htonl(0x10000000u * (uint32_t)(side + 1) + (uint32_t)session);
    uint8_t tag[20];
    packet[0] = 0x80;
    packet[1] = 0;
    memcpy(packet + 2, &number, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    write_payload(packet, side, index);
    if (!is_encrypted || side != CALLER)
        return PACKET;
    crypt_payload(&to_relay[session], packet, index);
    make_tag(&to_relay[session], packet, index, tag);
    memcpy(packet + PACKET, tag, TAG);
    return PACKET + TAG;
}

static void send_some(int side, int count) {
    static uint8_t packets[BATCH][PACKET + TAG];
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    int first = next_session[side];
    for (int i = 0; i < count; i++) {
        int session = next_session[side];
        next_session[side] = (session + 1) % sessions;
        vectors[i] = (struct iovec){packets[i], write_packet(packets[i], side, session)};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &relay_ports[side][session],
            .msg_namelen = sizeof(struct sockaddr_in),
            .msg_iov = &vectors[i],
            .msg_iovlen = 1,
        };
    }
    uint64_t now = now_ns();
    for (int i = 0; i < count; i++) {
        int session = (first + i) % sessions;
        sent_at[side][session][(sequence[side][session] - 1) % REMEMBERED] = now;
    }
    for (int done = 0; done < count;) {
        int taken = sendmmsg(sockets[side], messages + done, (unsigned)(count - done), 0);
        if (taken > 0)
            done += taken;
        else if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
            fail("sendmmsg");
    }
    sent += (uint64_t)count;
}

/* Drive the load until a time; returns the packets given up as lost in saturated mode. */
static uint64_t drive(uint64_t until, double rate, int window, uint64_t lost) {
    uint64_t begin = now_ns(), sent_before = sent, last_received = received, last_at = begin;
    int side = CALLER;
    for (uint64_t now; (now = now_ns()) < until;) {
        int64_t wanted;
        receive_some();
        if (window) {
            int64_t in_flight = (int64_t)(sent - received - lost);
            if (received != last_received) {
                last_received = received;
                last_at = now;
            } else if (in_flight > 0 && now - last_at > 50000000u) {
                lost += (uint64_t)in_flight; /* nothing for 50 ms: it will not come any more */
                last_at = now;
            }
            wanted = window - in_flight;
            if (wanted < window / 4)
                continue;
        } else {
            double due = (double)(now - begin) * rate / 1e9;
            wanted = (int64_t)due - (int64_t)(sent - sent_before);
        }
        if (wanted > 0) {
            send_some(side, wanted < BATCH ? (int)wanted : BATCH);
            side = side == CALLER ? CALLEE : CALLER;
        }
    }
    return lost;
}

/* Receive until nothing has come for a while. */
static void drain(void) {
    uint64_t last_received = received, quiet_since = now_ns();
    while (now_ns() - quiet_since < 500000000u) {
        receive_some();
        if (received != last_received) {
            last_received = received;
            quiet_since = now_ns();
        }
    }
}

int main(int count, char **words) {
    int ports[2] = {0, 0}, window = 0, option;
    double rate = 0, seconds = 5, warm_up = 1.5;
    const char *path = NULL;
    while ((option = getopt(count, words, "a:b:p:r:w:d:u:s:")) > 0) {
        switch (option) {
        case 'a': ports[CALLER] = atoi(optarg); break;
        case 'b': ports[CALLEE] = atoi(optarg); break;
        case 'p': pids[processes++ % MOST_PROCESSES] = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'w': window = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'u': warm_up = atof(optarg); break;
        case 's': path = optarg; break;
        default: return 2;
        }
    }
    if (!path || !processes || processes > MOST_PROCESSES || (rate <= 0) == (window <= 0))
        return 2;
    read_sessions(path);
    for (int side = 0; side < 2; side++)
        sockets[side] = open_socket(ports[side]);

    /* The warm-up is paced: sources are learnt before anything is counted. */
    drive(now_ns() + (uint64_t)(warm_up * 1e9), rate > 0 ? rate : 30000, 0, 0);
    drain();
    sent = received = 0;
    memcpy(begun, sequence, sizeof begun);
    memset(delays, 0, sizeof delays);

    uint64_t begin = now_ns(), cpu_begin = cpu_ns();
    drive(begin + (uint64_t)(seconds * 1e9), rate, window, 0);
    uint64_t cpu_end = cpu_ns(), end = now_ns(), forwarded = received;
    drain();

    double elapsed = (double)(end - begin) / 1e9;
    printf("{\"packets_per_second\": %.0f, \"cpu_us\": %.3f, \"cpu_share\": %.3f, "
           "\"loss_percent\": %.4f, \"p50_us\": %.0f, \"p99_us\": %.0f}\n",
           (double)forwarded / elapsed, (double)(cpu_end - cpu_begin) / 1e3 / (double)forwarded,
           (double)(cpu_end - cpu_begin) / 1e9 / elapsed,
           100.0 * ((double)sent - (double)received) / (double)sent, percentile(0.5), percentile(0.99));
    return 0;
}
