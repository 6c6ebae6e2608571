// Kills a worker in the middle of a stream, and goes on: three workers in this process, on a network that can be harmed.
#include <cstddef>
#include <iostream>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "dispart/model/builder.hpp"
#include "dispart/run/fault_transport.hpp"
#include "dispart/run/service.hpp"
#include "dispart/run/worker.hpp"

using namespace dispart;

namespace {

/// A model of so many doublings; a stage of it travels as the number of its layers.
model doublings(std::size_t layers) {
    model_builder b("doublings");
    tensor_id t = b.input("x", {4});
    for (std::size_t i = 0; i < layers; ++i) t = b.add("Add", {t, t});
    b.output(t);
    return std::move(b).build().value();
}
result<std::vector<std::byte>> pack(const model& m) { return std::vector<std::byte>(num_vertices(m)); }
result<model> unpack(std::span<const std::byte> in) { return doublings(in.size()); }

/// A backend of one operator that takes 5 ms a layer.
struct doubling_backend {
    struct executable {
        std::size_t layers = 0;
        result<std::vector<tensor>> run(std::span<const tensor> in) { return run(in, {}); }
        result<std::vector<tensor>> run(std::span<const tensor> in, const layer_observer&) {
            sleep_until(deadline_in(seconds(0.005 * static_cast<double>(layers))));
            tensor out(dtype::f32, in[0].dims());
            for (std::size_t i = 0; i < 4; ++i)
                out.data<float>()[i] = in[0].data<float>()[i] * static_cast<float>(1U << layers);
            return std::vector<tensor>{out};
        }
    };
    static std::string_view name() { return "doubling"; }
    static result<executable> load(const model& m) { return executable{num_vertices(m)}; }
};

}  // namespace

int main() {
    constexpr std::size_t layers = 6, requests = 300;
    const model whole = doublings(layers);
    fault_network network;
    const std::vector<worker_host> workers{{"north", "north"}, {"east", "east"}, {"south", "south"}};
    std::vector<std::jthread> programs;
    for (const worker_host& each : workers)
        programs.emplace_back([each, carrier = network.at(each.name)](std::stop_token stop) mutable {
            auto listener = carrier.listen(each.address);
            if (!listener) return;
            worker<fault_transport, doubling_backend> serving(carrier, {},
                                                              {.name = each.name, .decode = unpack});
            serving.serve(std::move(*listener), stop);
        });

    // How to divide the model over whoever is there.
    const auto planner = [&](const roster_view& who) -> result<service_plan> {
        partition cut;
        const std::size_t n = who.present.size();
        for (std::size_t s = 0, next = 0; s < n; ++s) {
            cut.parts.push_back({{}, s});
            while (next < layers * (s + 1) / n) cut.parts.back().layers.push_back(next++);
        }
        DISPART_TRY(auto stages, make_deployment(whole, cut, who.present, pack));
        return service_plan{.stages = std::move(stages)};
    };

    std::size_t answered = 0, wrong = 0;
    service_status ended;
    {
        service<fault_transport> serving(
            network.at("here"), workers, planner,
            [&](const outcome& o) {
                ++answered;
                const float expected = static_cast<float>(o.request) * static_cast<float>(1U << layers);
                wrong += o.how != outcome_kind::answered || o.outputs[0].data<float>()[0] != expected ? 1 : 0;
            },
            {.log = [](const std::string& line) { std::cout << "  " << line << '\n'; }});
        for (request_id r = 0; r < requests; ++r) {
            const auto x = static_cast<float>(r);
            if (const auto taken = serving.submit(r, {tensor::of<float>({4}, {x, x, x, x})}); !taken) {
                std::cerr << taken.error() << '\n';
                return 1;
            }
            if (r == requests / 2) {
                sleep_until(deadline_in(seconds(1.0)));
                std::cout << "killing east\n";
                network.kill("east");
            }
        }
        serving.wait_until_idle(deadline_in(seconds(60.0)));
        ended = serving.status();
    }
    std::cout << answered << " answers, " << wrong << " of them wrong; " << ended.epoch
              << " deployments; stages on";
    for (const auto& [device, what] : ended.stages) std::cout << ' ' << device;
    std::cout << '\n';
    network.kill("north");
    network.kill("south");
    return answered == requests && wrong == 0 && ended.epoch >= 2 ? 0 : 1;
}
