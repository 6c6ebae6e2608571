#include "dispart/machines.hpp"

#include "dispart/io/file.hpp"
#include "dispart/io/json/cluster.hpp"
#include "dispart/io/json/cluster_dot.hpp"
#include "dispart/io/json/kubernetes.hpp"
#include "dispart/io/xml/hwloc.hpp"
#include "dispart/io/xml/simgrid.hpp"

namespace cli {

using namespace dispart;

namespace {

result<cluster> parse_xml_cluster(const std::string& text, const std::string& name) {
    if (text.find("<topology") != std::string::npos) return io::parse_hwloc(text);
    if (text.find("<platform") != std::string::npos) return io::parse_simgrid(text, name);
    return fail(errc::parse_error, "cluster", "this XML is neither a SimGrid platform nor hwloc's topology");
}

}  // namespace

result<cluster> load_cluster(const std::filesystem::path& path) {
    DISPART_TRY(const std::string text, io::read_text(path));
    const auto first = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
    auto made = [&]() -> result<cluster> {
        if (first != std::string::npos && text[first] == '<')
            return parse_xml_cluster(text, path.stem().string());
        if (path.extension() == ".dot" || path.extension() == ".gv") return io::parse_cluster_dot(text);
        DISPART_TRY(const auto document, io::parse_json(text, "cluster"));
        return document.is_object() && document.contains("items") ? io::kubernetes_from_json(document)
                                                                  : io::cluster_from_json(document);
    }();
    if (!made) made.error().offender = path.string() + ": " + made.error().offender;
    return made;
}

}  // namespace cli
