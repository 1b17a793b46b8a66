package faketelegram

import "net/http"

func (s *Server) page(mux *http.ServeMux) {}
