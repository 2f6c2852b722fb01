/* RTP load for a relay: two UDP sockets, one for all callers and one for all callees.
 *
 * Every packet carries its sending time; what comes back on the other socket gives the delay.
 * Two modes: paced (-r packets per second, both directions together) and saturated (-w packets in
 * flight: a new one for each that comes back, so that the relay is never idle).
 * The CPU time of the relay is read from /proc/PID/task/.../schedstat at both ends of the
 * measurement. The result is one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_SESSIONS 20000
#define BATCH 64
#define HEADER 12
#define PACKET 172 /* 20 ms of G.711 */
#define CALLER 0
#define CALLEE 1

/* Delays in microseconds: exact below 1024, then 128 steps per octave. */
#define STEPS 4096

static uint32_t delays[STEPS];
static struct sockaddr_in relay_ports[2][MOST_SESSIONS];
static uint16_t sequence[2][MOST_SESSIONS];
static int next_session[2];
static int sessions;
static int sockets[2];
static uint64_t sent, received;

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
static uint64_t cpu_ns(int pid) {
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

static void read_sessions(const char *path) {
    FILE *file = fopen(path, "r");
    int ports[2];
    if (!file)
        fail(path);
    while (sessions < MOST_SESSIONS && fscanf(file, "%d %d", &ports[0], &ports[1]) == 2) {
        for (int side = 0; side < 2; side++) {
            struct sockaddr_in *to = &relay_ports[side][sessions];
            to->sin_family = AF_INET;
            to->sin_port = htons((uint16_t)ports[side]);
            to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
        sessions++;
    }
    fclose(file);
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
        for (int i = 0; i < count; i++) {
            uint64_t sent_at;
            if (messages[i].msg_len != PACKET)
                continue;
            memcpy(&sent_at, buffers[i] + HEADER, sizeof sent_at);
            delays[step_of((now - sent_at) / 1000)]++;
            received++;
        }
    }
}

static void write_packet(uint8_t *packet, int side, int session, uint64_t now) {
    uint16_t number = sequence[side][session]++;
    uint16_t wire_number = htons(number);
    uint32_t timestamp = htonl(160u * number);
    uint32_t ssrc = htonl(0x10000000u * (uint32_t)(side + 1) + (uint32_t)session);
    packet[0] = 0x80;
    packet[1] = 0;
    memcpy(packet + 2, &wire_number, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    memcpy(packet + HEADER, &now, sizeof now);
}

static void send_some(int side, int count) {
    static uint8_t packets[BATCH][PACKET];
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    uint64_t now = now_ns();
    for (int i = 0; i < count; i++) {
        int session = next_session[side];
        next_session[side] = (session + 1) % sessions;
        write_packet(packets[i], side, session, now);
        vectors[i] = (struct iovec){packets[i], PACKET};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &relay_ports[side][session],
            .msg_namelen = sizeof(struct sockaddr_in),
            .msg_iov = &vectors[i],
            .msg_iovlen = 1,
        };
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
    int ports[2] = {0, 0}, pid = 0, window = 0, option;
    double rate = 0, seconds = 5, warm_up = 1.5;
    const char *path = NULL;
    while ((option = getopt(count, words, "a:b:p:r:w:d:u:s:")) > 0) {
        switch (option) {
        case 'a': ports[CALLER] = atoi(optarg); break;
        case 'b': ports[CALLEE] = atoi(optarg); break;
        case 'p': pid = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'w': window = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'u': warm_up = atof(optarg); break;
        case 's': path = optarg; break;
        default: return 2;
        }
    }
    if (!path || !pid || (rate <= 0) == (window <= 0))
        return 2;
    read_sessions(path);
    for (int side = 0; side < 2; side++)
        sockets[side] = open_socket(ports[side]);

    /* The warm-up is paced: sources are learnt before anything is counted. */
    drive(now_ns() + (uint64_t)(warm_up * 1e9), rate > 0 ? rate : 30000, 0, 0);
    drain();
    sent = received = 0;
    memset(delays, 0, sizeof delays);

    uint64_t begin = now_ns(), cpu_begin = cpu_ns(pid);
    drive(begin + (uint64_t)(seconds * 1e9), rate, window, 0);
    uint64_t cpu_end = cpu_ns(pid), end = now_ns(), forwarded = received;
    drain();

    double elapsed = (double)(end - begin) / 1e9;
    printf("{\"packets_per_second\": %.0f, \"cpu_us\": %.3f, \"cpu_share\": %.3f, "
           "\"loss_percent\": %.4f, \"p50_us\": %.0f, \"p99_us\": %.0f}\n",
           (double)forwarded / elapsed, (double)(cpu_end - cpu_begin) / 1e3 / (double)forwarded,
           (double)(cpu_end - cpu_begin) / 1e9 / elapsed,
           100.0 * ((double)sent - (double)received) / (double)sent, percentile(0.5), percentile(0.99));
    return 0;
}
