#pragma once
// The subcommands: arguments in, exit status or error out.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "dispart/carrier.hpp"
#include "dispart/codecs.hpp"
#include "dispart/common.hpp"

namespace cli {

struct infer_arguments {
    model_choice model{};
    std::string check{};  // a reference file
    double tolerance = 1e-4;
    std::size_t repeat = 0;  // timed repetitions
    std::string backend = "eigen";
};
result<int> infer(const infer_arguments& given, bool as_json);

struct export_arguments {
    model_choice model{};
    std::string out{};
};
result<int> export_model(const export_arguments& given, bool as_json);

struct worker_arguments {
    std::string listen{};  // empty: an unused port that this machine alone can reach
    std::string name{};    // empty: the certificate's, or "worker"
    double slowdown = 1.0;
    carrier_choice carrier{};
    std::size_t deployments = 0;
    bool quiet = false;
    std::string backend = "eigen";
    std::string cache{};  // folder of weights that were received
};
result<int> worker(const worker_arguments& given, bool as_json);

struct keys_arguments {
    std::string dir{};                        // of the authority
    std::vector<std::string> coordinators{};  // NAME[=HOST,...]: nodes that may deploy
    std::vector<std::string> nodes{};         // NAME[=HOST,...]: nodes that may not
    int days = 365;                           // that certificates hold
    std::string psk{};                        // a file, instead of certificates
};
result<int> keys(const keys_arguments& given, bool as_json);

struct probe_arguments {
    std::vector<std::string> models{};   // besides the built-in set
    std::vector<std::string> predict{};  // models whose layers the fitted laws predict
    double slowdown = 1.0;
    std::string out{};
    std::size_t repeat = 5;  // rounds
    std::string backend = "eigen";
};
result<int> probe(const probe_arguments& given, bool as_json);

struct plan_arguments {
    model_choice model{};
    std::string cluster{};
    std::string objective = "throughput";
    std::string algorithm{};  // empty: the best of all
    std::string spread{};     // auto, pipeline, tiles, shards, replicas; empty: pipeline
    std::string tiling{};     // a picture of the tiles
    bool explain = false;     // in JSON too
    codec_choice codec{};
    std::string out{};
};
result<int> plan(const plan_arguments& given, bool as_json);

struct solve_arguments {
    std::string file{};
    std::string algorithm{};  // empty: the best of all
    std::string objective{};  // empty: as the file says
    double budget = 10.0;     // seconds
    std::size_t iterations = std::numeric_limits<std::size_t>::max();
    bool contiguous = false;
    bool replicate = false;
    std::uint64_t seed = 1;
};
result<int> solve(const solve_arguments& given, bool as_json);

struct explain_arguments {
    std::string plan{};
};
result<int> explain(const explain_arguments& given, bool as_json);

struct manifests_arguments {
    std::string plan{};
    std::string cluster{};
    std::string image = "dispart:latest";
    std::string model{};  // as the coordinator's container finds it; empty: the plan's
    std::string backend = "eigen";
    std::string out{};
};
result<int> manifests(const manifests_arguments& given, bool as_json);

struct simulate_arguments {
    std::string plan{};
    std::size_t requests = 0;  // 0: as many as the load file says, or 32
    std::size_t window = 0;
    std::string load{};     // a load file
    std::string faults{};   // a fault file
    std::string cluster{};  // the plan's cluster file, for energy and price
    std::string svg{};      // prefix of pictures
    std::string trace{};    // a Chrome trace
};
result<int> simulate(const simulate_arguments& given, bool as_json);

struct run_arguments {
    model_choice model{};
    std::string cluster{};
    std::size_t local = 0;
    std::vector<double> slowdown{};  // of the local workers, 1 where none is given
    std::string objective = "throughput";
    std::size_t requests = 32;
    bool check = false;
    bool compare = false;                     // with the best single device
    std::vector<std::string> calibrate_on{};  // models to measure; empty: the model itself
    std::string out = "dispart-out";          // folder
    std::string algorithm{};                  // empty: the best of all; "even" uses every worker
    std::string spread{};                     // auto, pipeline, tiles, shards, replicas; empty: pipeline
    carrier_choice carrier{};
    std::string listen{};    // where results come in; empty: found out
    bool adapt = false;      // serve on while workers fail, come and go
    double deadline = 60.0;  // seconds for each request, with adapt
    double lasting = 0.0;    // seconds after which no more requests are made, with adapt; 0: never
    std::string fallback{};  // a model that answers where nothing else can, with adapt
    std::string journal{};   // file that another process can go on from, with adapt
    bool standby = false;    // wait until the process that has the journal ends or hangs
    std::string rollout{};   // a model that takes the place of the first one while requests flow, with adapt
    std::size_t rollout_after = 0;  // requests; 0: half of them
    codec_choice codec{};
    std::string backend = "eigen";  // of the local workers
    bool calibrate = false;         // measure a cluster's workers by a trial before planning
    std::size_t repeat = 0;  // streams, of whose measurements the medians count; 0: 5 on local workers, else 1
};
result<int> run(const run_arguments& given, bool as_json);

struct status_arguments {
    std::string cluster{};            // whose workers are asked
    std::string out = "dispart-out";  // folder of a run with --adapt
    double within = 0.5;              // seconds to answer
    carrier_choice carrier{};
};
result<int> status(const status_arguments& given, bool as_json);

struct schedule_arguments {
    std::string file{};          // task-graph/1
    std::string algorithm{};     // empty: the portfolio
    double budget = 2.0;         // seconds of improvement
    std::size_t iterations = 0;  // 0: as many as the budget in seconds allows
    std::uint64_t seed = 1;
    std::size_t threads = 2;  // trajectories of improvement, side by side
    bool schedule = false;    // print it
    std::string svg{};        // write a picture to this file
    std::string check{};      // judge the schedule in this file
};
result<int> schedule(const schedule_arguments& given, bool as_json);

}  // namespace cli
