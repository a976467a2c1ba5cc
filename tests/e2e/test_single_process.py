"""`--single-process` is the same service in one process; signals are in test_signals.py."""

from fakes.processes import children, until
from fakes.service import Service, call

CHAT = {"model": "gpt-4o-mini", "messages": []}


def test_both_planes_live_in_one_process(service: Service) -> None:
    assert children(service) == []
    until(lambda: f"gateway ready on {service.origin} (single process)" in service.log_path.read_text())


def test_it_serves_manages_and_reports(service: Service, gateway_id: str) -> None:
    token = service.management.create_token()
    headers = {"cf-aig-authorization": token.bearer, "Authorization": "Bearer key"}
    path = f"/v1/{service.account}/{gateway_id}/openai/chat/completions"
    assert call(service.origin, "POST", path, headers={"Authorization": "Bearer key"}, body=CHAT).status == 401
    answer = call(service.origin, "POST", path, headers=headers, body=CHAT)
    assert answer.status == 200
    entry = service.management.wait_for_log(gateway_id, answer.headers["cf-aig-log-id"])
    assert entry["status_code"] == 200
    service.management.delete_token(token.id)
    assert call(service.origin, "POST", path, headers=headers, body=CHAT).status == 401


def test_ops_see_one_ready_edge(service: Service) -> None:
    until(lambda: call(service.ops_origin, "GET", "/readyz").status == 200)
