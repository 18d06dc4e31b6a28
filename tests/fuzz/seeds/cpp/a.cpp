#include <string>
namespace a {
template <class T> class Lamp {
public:
  std::string colour() const { return "green"; }
};
}
int main() { return 0; }
