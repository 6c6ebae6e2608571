// What the transports make of what carries them, side by side: frames of 3 MB one way (an activation of VGG16 in f32), 100 bytes
// there and back. Beside them the same by bare Asio (blocking sockets, a header of 16 bytes) and, under mpirun with two ranks, bare
// MPI. Rounds alternate; medians count. Writes Markdown: mpirun -np 2 transport_study > docs/transports.md
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dispart/run/any_transport.hpp"
#include "dispart/run/asio/tcp_transport.hpp"
#include "dispart/run/in_process_transport.hpp"
#include "dispart/run/tls/tls_keys.hpp"
#include "dispart/run/tls/tls_transport.hpp"
#ifdef DISPART_WITH_GRPC
#include "dispart/run/grpc/grpc_transport.hpp"
#endif
#ifdef DISPART_WITH_MPI
#include "dispart/run/mpi/mpi_transport.hpp"
#endif

namespace {

using namespace dispart;

constexpr std::size_t large = 3'000'000;
constexpr std::size_t small = 100;
constexpr std::size_t rounds = 9;

deadline soon() { return deadline_in(seconds(20.0)); }

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of.empty() ? 0.0 : of[of.size() / 2];
}

template <class T>
T must(result<T> what) {
    if (what) return std::move(*what);
    std::fprintf(stderr, "%s\n", to_string(what.error()).c_str());
    std::exit(1);
}
void must(const result<void>& what) {
    if (what) return;
    std::fprintf(stderr, "%s\n", to_string(what.error()).c_str());
    std::exit(1);
}

/// Both ends of a way, and the times of its rounds.
struct way {
    std::string name{};
    std::string against{};  ///< the bare way that it is compared with
    std::function<double(std::size_t, std::size_t)>
        stream{};  ///< seconds for so many messages of so many bytes, all received
    std::function<double(std::size_t, std::size_t)> echo{};  ///< seconds for so many round trips of so many bytes
    std::vector<double> rates{}, trips{};

    void round(std::size_t messages, std::size_t round_trips) {
        rates.push_back(static_cast<double>(messages * large) / stream(messages, large));
        trips.push_back(echo(round_trips, small) / static_cast<double>(round_trips));
    }
};

// --- by the library

template <class Connection>
void send_all(Connection& to, std::span<const std::byte> payload) {
    const std::array<std::span<const std::byte>, 1> buffers{payload};
    must(to.send(1, buffers, soon()));
}

template <class Near>
double stream_from(Near& near, std::size_t messages, std::size_t size) {
    const std::vector<std::byte> payload(size, std::byte{7});
    const double began = now();
    for (std::size_t i = 0; i < messages; ++i) send_all(near, payload);
    must(near.receive(soon()));  // that all is there
    return now() - began;
}
template <class Far>
void stream_to(Far& far, std::size_t messages) {
    for (std::size_t i = 0; i < messages; ++i) must(far.receive(soon()));
    send_all(far, {});
}
template <class Near>
double echo_from(Near& near, std::size_t times, std::size_t size) {
    const std::vector<std::byte> payload(size, std::byte{7});
    const double began = now();
    for (std::size_t i = 0; i < times; ++i) {
        send_all(near, payload);
        must(near.receive(soon()));
    }
    return now() - began;
}
template <class Far>
void echo_to(Far& far, std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) send_all(far, must(far.receive(soon())).payload.bytes());
}

template <transport Transport>
way way_of(std::string name, std::string against, Transport made) {
    struct ends {
        explicit ends(Transport by)
            : carrier(std::move(by))
            , listener(must(carrier.listen("")))
            , near(must(carrier.connect(listener.address(), soon())))
            , far(must(listener.accept(soon()))) {}
        Transport carrier;
        typename Transport::listener listener;
        typename Transport::connection near, far;
    };
    const auto of = std::make_shared<ends>(std::move(made));
    return {std::move(name), std::move(against),
            [of](std::size_t messages, std::size_t size) {
                std::jthread other([&] { stream_to(of->far, messages); });
                return stream_from(of->near, messages, size);
            },
            [of](std::size_t times, std::size_t size) {
                std::jthread other([&] { echo_to(of->far, times); });
                return echo_from(of->near, times, size);
            }};
}

// --- bare

namespace ip = boost::asio::ip;
constexpr std::size_t head = 16;

/// As much as a system call takes; left to itself, Asio asks for 64 KiB at a time.
std::size_t all_at_once(const boost::system::error_code& status, std::size_t) {
    return status ? 0 : std::size_t{1} << 30;
}

struct bare_ends {
    bare_ends() {
        ip::tcp::acceptor acceptor(context, ip::tcp::endpoint(ip::address_v4::loopback(), 0));
        near.connect(acceptor.local_endpoint());
        acceptor.accept(far);
        near.set_option(ip::tcp::no_delay(true));
        far.set_option(ip::tcp::no_delay(true));
    }
    static void send(ip::tcp::socket& to, std::span<const std::byte> payload) {
        std::array<std::byte, head> header{};
        const std::uint64_t size = payload.size();
        std::memcpy(header.data(), &size, sizeof size);
        const std::array<boost::asio::const_buffer, 2> both{
            boost::asio::buffer(header), boost::asio::buffer(payload.data(), payload.size())};
        boost::asio::write(to, both, all_at_once);
    }
    static std::size_t receive(ip::tcp::socket& from, std::vector<std::byte>& into) {
        std::array<std::byte, head> header{};
        boost::asio::read(from, boost::asio::buffer(header), all_at_once);
        std::uint64_t size = 0;
        std::memcpy(&size, header.data(), sizeof size);
        if (into.size() < size) into.resize(size);
        if (size > 0) boost::asio::read(from, boost::asio::buffer(into.data(), size), all_at_once);
        return size;
    }
    boost::asio::io_context context{};
    ip::tcp::socket near{context}, far{context};
};

way bare_asio() {
    const auto of = std::make_shared<bare_ends>();
    return {"bare Asio", "",
            [of](std::size_t messages, std::size_t size) {
                std::jthread other([&] {
                    std::vector<std::byte> into;
                    for (std::size_t i = 0; i < messages; ++i) bare_ends::receive(of->far, into);
                    bare_ends::send(of->far, {});
                });
                const std::vector<std::byte> payload(size, std::byte{7});
                std::vector<std::byte> answer;
                const double began = now();
                for (std::size_t i = 0; i < messages; ++i) bare_ends::send(of->near, payload);
                bare_ends::receive(of->near, answer);
                return now() - began;
            },
            [of](std::size_t times, std::size_t size) {
                std::jthread other([&] {
                    std::vector<std::byte> into;
                    for (std::size_t i = 0; i < times; ++i) {
                        const std::size_t got = bare_ends::receive(of->far, into);
                        bare_ends::send(of->far, std::span(into).first(got));
                    }
                });
                const std::vector<std::byte> payload(size, std::byte{7});
                std::vector<std::byte> answer;
                const double began = now();
                for (std::size_t i = 0; i < times; ++i) {
                    bare_ends::send(of->near, payload);
                    bare_ends::receive(of->near, answer);
                }
                return now() - began;
            }};
}

// --- MPI, between two processes: rank 0 measures, rank 1 answers

#ifdef DISPART_WITH_MPI

void bare_mpi_round(int rank, way& times, std::size_t messages, std::size_t round_trips) {
    std::vector<std::byte> bytes(large, std::byte{7});
    const auto send = [&](std::size_t size) {
        MPI_Send(bytes.data(), static_cast<int>(size), MPI_BYTE, 1 - rank, 9, MPI_COMM_WORLD);
    };
    const auto receive = [&](std::size_t size) {
        MPI_Recv(bytes.data(), static_cast<int>(size), MPI_BYTE, 1 - rank, 9, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    };
    if (rank == 0) {
        times.stream = [&](std::size_t count, std::size_t size) {
            const double began = now();
            for (std::size_t i = 0; i < count; ++i) send(size);
            receive(0);
            return now() - began;
        };
        times.echo = [&](std::size_t count, std::size_t size) {
            const double began = now();
            for (std::size_t i = 0; i < count; ++i) send(size), receive(size);
            return now() - began;
        };
        times.round(messages, round_trips);
        return;
    }
    for (std::size_t i = 0; i < messages; ++i) receive(large);
    send(0);
    for (std::size_t i = 0; i < round_trips; ++i) receive(small), send(small);
}

/// The bare rounds end before the transport's node begins to call MPI, and that is gone before the next.
std::vector<way> over_mpi(int rank, std::size_t messages, std::size_t round_trips) {
    std::vector<way> made(2);
    made[0].name = "bare MPI";
    made[1].name = "MPI";
    made[1].against = "bare MPI";
    for (std::size_t i = 0; i <= rounds; ++i) {
        bare_mpi_round(rank, made[0], messages, round_trips);
        MPI_Barrier(MPI_COMM_WORLD);
        {
            mpi_transport carrier(std::make_shared<detail::mpi_node>(mpi_options{}));
            auto listener = must(carrier.listen(std::to_string(rank) + ":7"));
            if (rank == 0) {
                auto near = must(listener.accept(soon()));
                made[1].stream = [&](std::size_t count, std::size_t size) {
                    return stream_from(near, count, size);
                };
                made[1].echo = [&](std::size_t count, std::size_t size) {
                    return echo_from(near, count, size);
                };
                made[1].round(messages, round_trips);
            } else {
                result<mpi_connection> far = fail(errc::timeout, {}, {});
                for (int tries = 0; !far && tries < 1000; ++tries) {
                    far = carrier.connect("0:7", soon());
                    if (!far) std::this_thread::sleep_for(std::chrono::milliseconds(2));
                }
                auto end = must(std::move(far));
                stream_to(end, messages);
                echo_to(end, round_trips);
            }
        }
        MPI_Barrier(MPI_COMM_WORLD);
        if (i == 0)  // to warm up
            for (way& each : made) each.rates.clear(), each.trips.clear();
    }
    return made;
}

#endif

// --- all of them

void print(const std::vector<way>& ways) {
    std::printf("| | 3 MB one way | of bare | 100 bytes there and back | of bare |\n|---|---|---|---|---|\n");
    for (const way& each : ways) {
        const auto bare =
            std::find_if(ways.begin(), ways.end(), [&](const way& w) { return w.name == each.against; });
        std::printf("| %s | %.2f GB/s |", each.name.c_str(), median(each.rates) / 1e9);
        if (bare == ways.end()) std::printf(" |");
        else std::printf(" %.0f %% |", 100.0 * median(each.rates) / median(bare->rates));
        std::printf(" %.1f us |", median(each.trips) * 1e6);
        if (bare == ways.end()) std::printf(" |\n");
        else std::printf(" %.2f |\n", median(each.trips) / median(bare->trips));
    }
}

struct key_folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("dispart-study-" + std::to_string(::getpid()));
    key_folder() {
        must(make_tls_authority(path));
        must(make_tls_node(path, {.name = "node"}));
    }
    key_folder(const key_folder&) = delete;
    key_folder& operator=(const key_folder&) = delete;
    ~key_folder() { std::filesystem::remove_all(path); }
};

}  // namespace

int main(int argc, char** argv) {
    const std::size_t messages = 200, round_trips = 3000;
    std::vector<way> ways;
    static_cast<void>(argc);
    static_cast<void>(argv);
#ifdef DISPART_WITH_MPI
    int provided = 0, rank = 0, size = 1;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    std::vector<way> by_mpi;
    if (size == 2 && provided >= MPI_THREAD_SERIALIZED) by_mpi = over_mpi(rank, messages, round_trips);
    MPI_Finalize();
    if (rank > 0) return 0;
#endif
    const key_folder keys;
    ways.push_back(bare_asio());
    ways.push_back(way_of("TCP", "bare Asio", tcp_transport()));
    ways.push_back(way_of("TLS", "bare Asio", must(tls_transport::make({.folder = keys.path / "node"}))));
#ifdef DISPART_WITH_GRPC
    ways.push_back(way_of("gRPC", "bare Asio", must(grpc_transport::make())));
    ways.push_back(way_of("gRPC with certificates", "bare Asio",
                          must(grpc_transport::make({.folder = keys.path / "node"}))));
#endif
    ways.push_back(way_of("in process", "bare Asio", in_process_transport()));
    for (std::size_t i = 0; i <= rounds; ++i)
        for (way& each : ways) {
            each.round(messages, round_trips);
            if (i == 0) each.rates.clear(), each.trips.clear();  // to warm up
        }
#ifdef DISPART_WITH_MPI
    ways.insert(ways.end(), by_mpi.begin(), by_mpi.end());
#endif
    std::printf("# What transports cost\n\n"
                "`mpirun -np 2 transport_study` (benchmarks/) on one machine: medians of %zu alternating "
                "rounds of %zu frames of "
                "3 MB\none way and of %zu round trips of 100 bytes. TCP, TLS and gRPC between two threads "
                "over loopback, MPI "
                "between two processes\nby shared memory, against the same by blocking sockets of Asio and "
                "by `MPI_Send` and "
                "`MPI_Recv`.\n\n",
                rounds, messages, round_trips);
    print(ways);
    return 0;
}
