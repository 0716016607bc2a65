//! Containers, by the names that their runtimes give to control groups.
//!
//! A name that looks like an id proves nothing: it must stand where a runtime puts it.

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// What runs it, as `docker`; `None` where several do it alike.
    pub runtime: Option<&'static str>,
    /// Whether the runtime is only probable, as others can name their groups so, too.
    pub probable: bool,
    /// Its id; its name if it has no other.
    pub id: String,
    /// Its name, if the path has one.
    pub name: Option<String>,
    /// The id of the pod that it is in.
    pub pod: Option<String>,
    /// What the processes of the group are to it.
    pub role: Role,
    /// The outermost container, if it is in another.
    pub outermost: Option<Outermost>,
}

/// A container around others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outermost {
    /// As in [`Container`].
    pub runtime: Option<&'static str>,
    /// Likewise.
    pub id: String,
}

/// What the processes of a group are to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// They are in it.
    Workload,
    /// They supervise it, from outside.
    Monitor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 2] = [Self::Workload, Self::Monitor];

    /// As events name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Monitor => "monitor",
        }
    }
}

/// Names of runtimes.
pub(crate) mod runtime {
    pub(crate) const DOCKER: &str = "docker";
    pub(crate) const CONTAINERD: &str = "containerd";
    pub(crate) const CRIO: &str = "cri-o";
    pub(crate) const PODMAN: &str = "podman";
    pub(crate) const LXC: &str = "lxc";
    pub(crate) const LIBVIRT_LXC: &str = "libvirt-lxc";
    pub(crate) const NSPAWN: &str = "systemd-nspawn";
    /// Whatever registered it with systemd-machined(8).
    pub(crate) const MACHINE: &str = "machine";
    pub(crate) const BUILDKIT: &str = "buildkit";
    pub(crate) const GARDEN: &str = "garden";
    pub(crate) const ECS: &str = "ecs";
    pub(crate) const KATA: &str = "kata";

    /// The names of all runtimes.
    pub const ALL: [&str; 12] = [
        DOCKER,
        CONTAINERD,
        CRIO,
        PODMAN,
        LXC,
        LIBVIRT_LXC,
        NSPAWN,
        MACHINE,
        BUILDKIT,
        GARDEN,
        ECS,
        KATA,
    ];
}

use runtime::*;

/// What runtimes put before an id of 64 digits: in scopes of systemd only, or in any group.
const PREFIXES: [(&str, &str, Role, bool); 10] = [
    ("docker-", DOCKER, Role::Workload, true),
    ("cri-containerd-", CONTAINERD, Role::Workload, true),
    ("nerdctl-", CONTAINERD, Role::Workload, true),
    // Before what they begin with.
    ("crio-conmon-", CRIO, Role::Monitor, false),
    ("crio-", CRIO, Role::Workload, false),
    ("libpod-conmon-", PODMAN, Role::Monitor, false),
    ("libpod-payload-", PODMAN, Role::Workload, false),
    ("libpod-", PODMAN, Role::Workload, false),
    // The machine that runs the guest, in which nothing can be seen.
    ("kata_", KATA, Role::Monitor, false),
    ("kata-", KATA, Role::Monitor, true),
];

/// The innermost container that the path leads through.
pub(super) fn container(components: &[&str]) -> Option<Container> {
    let mut found = (0..components.len()).filter_map(|at| at_component(components, at));
    let first = found.next()?;
    let Some(mut last) = found.next_back() else {
        return Some(Container { pod: pod(components), ..first });
    };
    last.pod = pod(components);
    if first.id != last.id {
        last.outermost = Some(Outermost { runtime: first.runtime, id: first.id });
    }
    Some(last)
}

/// Whether a component is the group of an LXC container, whose names inside are not the host's.
pub(super) fn is_payload(component: &str) -> bool {
    component.starts_with("lxc.payload.") || component.starts_with("lxc.monitor.")
}

fn workload(runtime: &'static str, id: &str) -> Container {
    Container {
        runtime: Some(runtime),
        probable: false,
        id: id.to_owned(),
        name: None,
        pod: None,
        role: Role::Workload,
        outermost: None,
    }
}

/// One that has a name for an id.
fn named(runtime: &'static str, name: &str, role: Role) -> Container {
    Container { name: Some(name.to_owned()), role, ..workload(runtime, name) }
}

fn at_component(components: &[&str], at: usize) -> Option<Container> {
    let component = *components.get(at)?;
    let parent = at.checked_sub(1).and_then(|at| components.get(at)).copied().unwrap_or("");
    let inner = components.get(at + 1).copied();
    by_prefix(component)
        .or_else(|| by_slice(component))
        .or_else(|| lxc(components, at))
        .or_else(|| machine(component, inner))
        .or_else(|| by_parent(components, at, parent, component))
}

fn by_prefix(component: &str) -> Option<Container> {
    let scope = component.strip_suffix(".scope");
    let (runtime, role, id) = PREFIXES.iter().find_map(|&(prefix, runtime, role, is_scope)| {
        let stem = if is_scope { scope? } else { scope.unwrap_or(component) };
        let id = stem.strip_prefix(prefix).filter(|id| is_id(id))?;
        Some((runtime, role, id))
    })?;
    Some(Container { role, ..workload(runtime, id) })
}

/// `SLICE:cri-containerd:ID`: a cgroup driver of containerd's that is not the kubelet's.
fn by_slice(component: &str) -> Option<Container> {
    let mut parts = component.split(':');
    let (slice, prefix, id) = (parts.next()?, parts.next()?, parts.next()?);
    let is_one = slice.ends_with(".slice") && prefix == "cri-containerd" && is_id(id);
    (is_one && parts.next().is_none()).then(|| workload(CONTAINERD, id))
}

fn lxc(components: &[&str], at: usize) -> Option<Container> {
    let component = *components.get(at)?;
    if let Some(name) = component.strip_prefix("lxc.payload.") {
        return Some(named(LXC, name, Role::Workload));
    }
    if let Some(name) = component.strip_prefix("lxc.monitor.") {
        return Some(named(LXC, name, Role::Monitor));
    }
    // Of version 1, before LXC 4.
    (at == 1 && components.first() == Some(&"lxc")).then(|| named(LXC, component, Role::Workload))
}

/// What systemd-machined(8) knows.
fn machine(component: &str, inner: Option<&str>) -> Option<Container> {
    let role = if inner == Some("supervisor") { Role::Monitor } else { Role::Workload };
    let between = |prefix, suffix| component.strip_prefix(prefix)?.strip_suffix(suffix);
    if let Some(name) = between("systemd-nspawn@", ".service").filter(|name| !name.is_empty()) {
        return Some(named(NSPAWN, &unescaped(name), role));
    }
    let name = unescaped(between("machine-", ".scope")?);
    // libvirt numbers what it runs.
    let of_libvirt = |prefix| {
        let (number, name) = name.strip_prefix(prefix)?.split_once('-')?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.to_owned())
    };
    if of_libvirt("qemu-").is_some() {
        return None;
    }
    match of_libvirt("lxc-") {
        Some(name) => Some(named(LIBVIRT_LXC, &name, role)),
        None => Some(named(MACHINE, &name, role)),
    }
}

/// What is an id only where it stands.
fn by_parent(components: &[&str], at: usize, parent: &str, id: &str) -> Option<Container> {
    let grandparent = at.checked_sub(2).and_then(|at| components.get(at)).copied();
    let found = match parent {
        "docker" | "buildx" if is_id(id) => workload(DOCKER, id),
        "actions_job" if is_id(id) => Container { probable: true, ..workload(DOCKER, id) },
        // A namespace of containerd's, which others can name a group like.
        "default" if is_id(id) => Container { probable: true, ..workload(CONTAINERD, id) },
        "kata_overhead" if is_id(id) => Container { role: Role::Monitor, ..workload(KATA, id) },
        "buildkit" if grandparent == Some("docker") && is_buildkit_id(id) => workload(BUILDKIT, id),
        "garden" if is_garden_id(id) => workload(GARDEN, id),
        _ if grandparent == Some("ecs") && is_ecs_id(id, parent) => workload(ECS, id),
        _ if is_id(id) && pod_of(parent).is_some() && is_below_kubepods(components, at) => {
            Container { runtime: None, ..workload(DOCKER, id) }
        }
        _ => return None,
    };
    Some(found)
}

fn is_below_kubepods(components: &[&str], at: usize) -> bool {
    components.iter().take(at).any(|name| *name == "kubepods" || name.starts_with("kubepods-"))
}

/// The innermost pod that the path leads through: one of Kubernetes, or one of podman.
fn pod(components: &[&str]) -> Option<String> {
    components.iter().rev().find_map(|component| pod_of(component))
}

fn pod_of(component: &str) -> Option<String> {
    let component = component.split(':').next()?;
    if let Some(slice) = component.strip_suffix(".slice") {
        if let Some((_, id)) = slice.split_once("-libpod_pod_") {
            return is_id(id).then(|| id.to_owned());
        }
        let (before, uid) = slice.rsplit_once("-pod")?;
        // systemd takes `-` for a level of slices.
        let is_kubernetes = before.split('-').any(|part| part == "kubepods");
        return pod_uid(&uid.replace('_', "-")).filter(|_| is_kubernetes);
    }
    pod_uid(component.strip_prefix("pod")?)
}

/// A UUID; that of a static pod has no dashes.
fn pod_uid(uid: &str) -> Option<String> {
    let is_uuid = has_shape(uid, &[8, 4, 4, 4, 12]);
    (is_uuid || uid.len() == 32 && is_hex(uid)).then(|| uid.to_owned())
}

fn is_id(id: &str) -> bool {
    id.len() == 64 && is_hex(id)
}

fn is_garden_id(id: &str) -> bool {
    has_shape(id, &[8, 4, 4, 4, 4])
}

fn is_buildkit_id(id: &str) -> bool {
    id.len() == 25 && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// The id of the task, and a number.
fn is_ecs_id(id: &str, task: &str) -> bool {
    let number = id.strip_prefix(task).and_then(|rest| rest.strip_prefix('-'));
    task.len() == 32
        && is_hex(task)
        && number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether it is hexadecimal digits in groups of these lengths.
fn has_shape(text: &str, lengths: &[usize]) -> bool {
    let mut groups = text.split('-');
    lengths.iter().all(|length| groups.next().is_some_and(|g| g.len() == *length && is_hex(g)))
        && groups.next().is_none()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A name without the escapes of systemd (`unit_name_unescape`): `-` for `/` is left, as names of machines
/// have none.
fn unescaped(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape = rest.strip_prefix(b"\\x").and_then(|rest| rest.split_at_checked(2));
        let decoded = escape.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = decoded.unwrap_or((byte, after));
        out.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&out).into_owned()
}
